/* delta_net.h - what the families with gated delta nets have in common: keys of sizes, names of
 * tensors, and the period in which layers attend. */
#ifndef CADRE_ARCH_DELTA_NET_H
#define CADRE_ARCH_DELTA_NET_H

#include "arch/architecture.h"

/* clang-format off */
#define DELTA_NET_KEYS                                                                             \
    KEY_INT_OF("linear_num_key_heads", delta_key_heads, 0, 16),                                    \
    KEY_INT_OF("linear_num_value_heads", delta_heads, 0, 32),                                      \
    KEY_INT_OF("linear_key_head_dim", delta_key_dim, 0, 128),                                      \
    KEY_INT_OF("linear_value_head_dim", delta_value_dim, 0, 128),                                  \
    KEY_INT_OF("linear_conv_kernel_dim", conv, 0, 4),                                              \
    KEY_INT_OF("full_attention_interval", attention_period, KEY_UNWRITTEN, 4),                     \
    KEY_INT_OF("head_dim", head_dim, 0, 256),                                                      \
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),                                                 \
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),                                     \
    KEY_MUST_BE("attn_output_gate", "true")

/* Norms are stored less 1, but for that of the delta rule. */
#define DELTA_NET_TENSORS                                                                          \
    { ROLE_OUT_NORM, "model.norm.weight", TENSOR_LESS_ONE },                                       \
    { ROLE_ATTN_NORM, "model.layers.{l}.input_layernorm.weight", TENSOR_LESS_ONE },                \
    { ROLE_FFN_NORM, "model.layers.{l}.post_attention_layernorm.weight", TENSOR_LESS_ONE },        \
    { ROLE_Q_NORM, "model.layers.{l}.self_attn.q_norm.weight", TENSOR_LESS_ONE },                  \
    { ROLE_K_NORM, "model.layers.{l}.self_attn.k_norm.weight", TENSOR_LESS_ONE },                  \
    { ROLE_CONV, "model.layers.{l}.linear_attn.conv1d.weight", TENSOR_FILTERS },                   \
    { ROLE_A_LOG, "model.layers.{l}.linear_attn.A_log", 0 },                                       \
    { ROLE_DT_BIAS, "model.layers.{l}.linear_attn.dt_bias", 0 },                                   \
    { ROLE_STATE_NORM, "model.layers.{l}.linear_attn.norm.weight", 0 },                            \
    { ROLE_STATE_OUT, "model.layers.{l}.linear_attn.out_proj.weight", 0 },                         \
    { ROLE_SHARED_GATE, "model.layers.{l}.mlp.shared_expert.gate_proj.weight", 0 },                \
    { ROLE_SHARED_UP, "model.layers.{l}.mlp.shared_expert.up_proj.weight", 0 },                    \
    { ROLE_SHARED_DOWN, "model.layers.{l}.mlp.shared_expert.down_proj.weight", 0 }

#define DELTA_NET_GGUF_KEYS                                                                        \
    KEY_INT_OF("ssm.conv_kernel", conv, KEY_REQUIRED, 0),                                          \
    KEY_INT_OF("ssm.state_size", delta_key_dim, KEY_REQUIRED, 0),                                  \
    KEY_INT_OF("ssm.group_count", delta_key_heads, KEY_REQUIRED, 0),                               \
    KEY_INT_OF("ssm.time_step_rank", delta_heads, KEY_REQUIRED, 0)

/* order: TENSOR_TILED if the file has the heads of values tiled, else 0 */
#define DELTA_NET_GGUF_TENSORS(order)                                                              \
    { ROLE_FFN_NORM, "blk.{l}.post_attention_norm.weight", 0 },                                    \
    { ROLE_DELTA_IN, "blk.{l}.attn_qkv.weight", order },                                           \
    { ROLE_DELTA_GATE, "blk.{l}.attn_gate.weight", order },                                        \
    { ROLE_CONV, "blk.{l}.ssm_conv1d.weight", TENSOR_CHANNELS | (order) },                         \
    { ROLE_A_LOG, "blk.{l}.ssm_a", TENSOR_EXP | TENSOR_NEGATED | (order) },                        \
    { ROLE_DT_BIAS, "blk.{l}.ssm_dt.bias", order },                                                \
    { ROLE_STATE_NORM, "blk.{l}.ssm_norm.weight", 0 },                                             \
    { ROLE_STATE_OUT, "blk.{l}.ssm_out.weight", order }

/* Qwen3.5's: the heads of values are tiled, and each projection has a matrix. */
#define DELTA_NET_TILED_TENSORS                                                                    \
    DELTA_NET_GGUF_TENSORS(TENSOR_TILED),                                                          \
    { ROLE_DELTA_BETA, "blk.{l}.ssm_beta.weight", TENSOR_TILED },                                  \
    { ROLE_DELTA_DECAY, "blk.{l}.ssm_alpha.weight", TENSOR_TILED }

/* What is the same in the rows of all of these families */
#define DELTA_NET_FAMILY                                                                           \
    .hf.types = delta_net_types,                                                                   \
    .hf.act = "silu",                                                                              \
    .gguf.recurrent = "gated-delta",                                                               \
    .gguf.period = true,                                                                           \
    .gguf.read = delta_net_read_gguf,                                                              \
    .gguf.write = delta_net_write_gguf,                                                            \
    .base.router = "softmax",                                                                      \
    .base.expert_form = "swiglu",                                                                  \
    .base.rotary_share = 0.25,                                                                     \
    .base.qk_norm = QK_NORM_HEAD,                                                                  \
    .base.fix = delta_net_fix
/* clang-format on */

extern const layer_type delta_net_types[];

/* Sets what holds for all of these families: gates among the queries, gated shared experts. */
void delta_net_fix(model_config *config);
/* Why their files cannot describe the configuration; NULL: they can. */
const char *delta_net_refuses(const model_config *config);

cadre_status delta_net_read(const json_node *root, model_config *config);
void delta_net_write(const model_config *config, json_writer *w);
/* "ssm.inner_size", from which the width of values follows */
cadre_status delta_net_read_gguf(const gguf *file, model_config *config);
void delta_net_write_gguf(const model_config *config, gguf_writer *w);

#endif
