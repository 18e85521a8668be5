/* lfm2.h - what the sparse and the dense models of LFM2 have in common: names of tensors and types
 * of layers. */
#ifndef CADRE_ARCH_LFM2_H
#define CADRE_ARCH_LFM2_H

#include "arch/architecture.h"

/* clang-format off */
#define LFM2_TENSORS                                                                               \
    { ROLE_OUT_NORM, "model.embedding_norm.weight", 0 },                                           \
    { ROLE_ATTN_NORM, "model.layers.{l}.operator_norm.weight", 0 },                                \
    { ROLE_FFN_NORM, "model.layers.{l}.ffn_norm.weight", 0 },                                      \
    { ROLE_Q_NORM, "model.layers.{l}.self_attn.q_layernorm.weight", 0 },                           \
    { ROLE_K_NORM, "model.layers.{l}.self_attn.k_layernorm.weight", 0 },                           \
    { ROLE_O, "model.layers.{l}.self_attn.out_proj.weight", 0 },                                   \
    { ROLE_GATE, "model.layers.{l}.feed_forward.w1.weight", 0 },                                   \
    { ROLE_UP, "model.layers.{l}.feed_forward.w3.weight", 0 },                                     \
    { ROLE_DOWN, "model.layers.{l}.feed_forward.w2.weight", 0 }

/* What is the same in the rows of both */
#define LFM2_FAMILY                                                                                \
    .hf.types = lfm2_types,                                                                        \
    .gguf.tensors = lfm2_gguf_tensors,                                                             \
    .gguf.recurrent = "short-conv",                                                                \
    .base.expert_form = "swiglu",                                                                  \
    .base.rope_theta = 1000000,                                                                    \
    .base.qk_norm = QK_NORM_HEAD
/* clang-format on */

extern const layer_type lfm2_types[];
extern const tensor_name lfm2_gguf_tensors[];

#endif
