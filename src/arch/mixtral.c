/* mixtral.c - Mixtral (Jiang et al. 2024): softmax over the chosen, SwiGLU experts,
 * grouped-query attention. */
#include "arch/architecture.h"
#include "arch/config_keys_gguf.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_local_experts|num_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 0),
    KEY_REAL_OF("rms_norm_eps", norm_eps, KEY_UNWRITTEN, 1e-5),
    KEY_INT_OF("sliding_window", window, KEY_NULLABLE, 0),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    KEY_MUST_BE("attention_bias", "false"),
    { 0 },
};

static const tensor_name tensors[] = {
    { ROLE_ROUTER, "model.layers.{l}.block_sparse_moe.gate.weight", 0 },
    { ROLE_EXPERT_GATE, "model.layers.{l}.block_sparse_moe.experts.{e}.w1.weight", 0 },
    { ROLE_EXPERT_DOWN, "model.layers.{l}.block_sparse_moe.experts.{e}.w2.weight", 0 },
    { ROLE_EXPERT_UP, "model.layers.{l}.block_sparse_moe.experts.{e}.w3.weight", 0 },
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", expert_width, KEY_REQUIRED, 0),
    { 0 },
};

static bool gguf_is(const gguf *file)
{
    return config_gguf_has_experts(file, "llama.expert_count");
}

static const char *refuses(const model_config *c)
{
    if (c->shared_width) return "it has no shared experts";
    if (model_config_sparse_layers(c) != c->layers) return "all its layers are sparse";
    return NULL;
}

const architecture architecture_mixtral = {
    .model_type = "mixtral",
    .hf.class_name = "MixtralForCausalLM",
    .words = "Mixtral: top-k of softmax, renormalised",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .gguf.name = "llama",
    .gguf.divisors = true,
    .gguf.keys = gguf_keys,
    .gguf.tensors = tensor_names_paired,
    .gguf.is = gguf_is,
    .base.router = "softmax-renorm",
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.rope_theta = 1e6,
    .hf.refuses = refuses,
};
