/* deepseek.c - DeepSeekMoE-16B (Dai et al. 2024): shared experts beside fine-grained ones, and
 * softmax weights that are not renormalised. */
#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("n_routed_experts|num_experts|num_local_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("n_shared_experts", shared_experts, 0, 0),
    KEY_INT_OF("first_k_dense_replace", dense_layers, 0, 0),
    KEY_REAL_OF("aux_loss_alpha", aux_loss, 0, 0.001),
    KEY_MUST_BE("moe_layer_freq", "1"),
    KEY_MUST_BE("scoring_func", "softmax"),
    KEY_MUST_BE("attention_bias", "false"),
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_count", shared_experts, 0, 0),
    KEY_INT_OF("leading_dense_block_count", dense_layers, 0, 0),
    KEY_REAL_OF("expert_weights_scale", route_scale, KEY_ZERO_UNSAID, 1),
    { 0 },
};

const architecture architecture_deepseek = {
    .model_type = "deepseek",
    .hf.class_name = "DeepseekForCausalLM",
    .words = "DeepSeekMoE: shared experts, top-k of softmax, weights as they are",
    .hf.keys = keys,
    .gguf.name = "deepseek",
    .gguf.gating = 1,
    .gguf.keys = gguf_keys,
    .gguf.tensors = tensor_names_paired,
    .base.router = "softmax",
    .base.renorm = "softmax-renorm",
    .base.expert_form = "swiglu",
    .hf.act = "silu",
};
