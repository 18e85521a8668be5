/* qwen3_5_moe.c - Qwen3.5-MoE and Qwen3.6-MoE (2026), the text part: Qwen3-Next with a matrix for
 * each projection of its delta rules. Published files have it inside of a larger model, whose part
 * that sees is not read; what is written is the text part alone. */
#include "arch/delta_net.h"

static const config_key keys[] = {
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("shared_expert_intermediate_size", shared_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    DELTA_NET_KEYS,
    { 0 },
};

static const tensor_name tensors[] = { DELTA_NET_TENSORS, { 0 } };

static const config_key gguf_keys[] = {
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_feed_forward_length", shared_width, KEY_REQUIRED, 0),
    DELTA_NET_GGUF_KEYS,
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    DELTA_NET_TILED_TENSORS,
    { 0 },
};

static const char *const left[] = { "model.visual.", "mtp.", NULL };

/* clang-format off */
#define FAMILY                                                                                     \
    .hf.keys = keys,                                                                               \
    .hf.tensors = tensors,                                                                         \
    .hf.left = left,                                                                               \
    DELTA_NET_FAMILY,                                                                              \
    .hf.norm_topk_prob = true,                                                                     \
    .hf.read = delta_net_read,                                                                     \
    .hf.write = delta_net_write,                                                                   \
    .hf.refuses = delta_net_refuses,                                                               \
    .gguf.name = "qwen35moe",                                                                      \
    .gguf.keys = gguf_keys,                                                                        \
    .gguf.tensors = gguf_tensors,                                                                  \
    .gguf.renorm = true,                                                                           \
    .base.renorm = "softmax-renorm"
/* clang-format on */

const architecture architecture_qwen3_5_moe_text = {
    .model_type = "qwen3_5_moe_text",
    .hf.class_name = "Qwen3_5MoeForCausalLM",
    .words = "Qwen3.5-MoE, its text part alone",
    FAMILY,
};

const architecture architecture_qwen3_5_moe = {
    .model_type = "qwen3_5_moe",
    .words = "Qwen3.5-MoE and 3.6: top-k of softmax, gated delta nets, a gated shared expert",
    .hf.nested = "text_config",
    .hf.prefix = "model.language_model.",
    FAMILY,
    .written = &architecture_qwen3_5_moe_text,
};
