/* olmoe.c - OLMoE (Muennighoff et al. 2024): raw softmax weights, many small experts, norms
 * over whole queries and keys. */
#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.01),
    KEY_REAL_OF("clip_qkv", qkv_clip, KEY_NULLABLE, 0),
    KEY_REAL_OF("rms_norm_eps", norm_eps, KEY_UNWRITTEN, 1e-5),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", expert_width, KEY_REQUIRED, 0),
    { 0 },
};

static const char *refuses(const model_config *c)
{
    if (c->shared_width) return "it has no shared experts";
    if (c->head_dim * c->heads != c->width) return "its heads divide the width";
    if (model_config_sparse_layers(c) != c->layers) return "all its layers are sparse";
    return NULL;
}

const architecture architecture_olmoe = {
    .model_type = "olmoe",
    .hf.class_name = "OlmoeForCausalLM",
    .words = "OLMoE: top-k of softmax, weights as they are",
    .hf.keys = keys,
    .gguf.name = "olmoe",
    .gguf.head = true,
    .gguf.keys = gguf_keys,
    .base.router = "softmax",
    .base.renorm = "softmax-renorm",
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.qk_norm = QK_NORM_FULL,
    .hf.refuses = refuses,
};
