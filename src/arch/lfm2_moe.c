/* lfm2_moe.c - LFM2-MoE (2025): gated short convolutions in most layers, attention in the others,
 * and top-k of biased sigmoid scores. */
#include "arch/lfm2.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("num_dense_layers", dense_layers, 0, 2),
    KEY_INT_OF("conv_L_cache", conv, 0, 3),
    KEY_REAL_OF("norm_eps", norm_eps, 0, 1e-5),
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, 1),
    KEY_BOOL_OF("tie_word_embeddings|tie_embedding", tie, KEY_UNWRITTEN, 1),
    KEY_MUST_BE("use_expert_bias", "true"),
    KEY_MUST_BE("conv_bias", "false"),
    { 0 },
};

#define LAYER "model.layers.{l}."
static const tensor_name modules[] = {
    { ROLE_EXPERT_GATE, LAYER "feed_forward.experts", 0 },
    { 0 },
};

static const tensor_name tensors[] = {
    LFM2_TENSORS,
    { ROLE_ROUTER, LAYER "feed_forward.gate.weight", 0 },
    { ROLE_ROUTER_CORRECTION, LAYER "feed_forward.expert_bias", 0 },
    { ROLE_EXPERT_GATE, LAYER "feed_forward.experts.{e}.w1.weight", 0 },
    { ROLE_EXPERT_UP, LAYER "feed_forward.experts.{e}.w3.weight", 0 },
    { ROLE_EXPERT_DOWN, LAYER "feed_forward.experts.{e}.w2.weight", 0 },
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("leading_dense_block_count", dense_layers, 0, 0),
    KEY_INT_OF("shortconv.l_cache", conv, KEY_REQUIRED, 0),
    { 0 },
};

/* The sum of weights gets 1e-6, more than other families' */
static void fix(model_config *c)
{
    c->own_route = true;
    router_defaults(router_by_name("sigmoid-bias"), 1, &c->route);
    c->route.norm_eps = REAL_C(1e-6);
}

const architecture architecture_lfm2_moe = {
    .model_type = "lfm2_moe",
    .hf.class_name = "Lfm2MoeForCausalLM",
    .words = "LFM2: top-k of biased sigmoid scores, short convolutions",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.modules = modules,
    .gguf.name = "lfm2moe",
    .gguf.gating = 2,
    .gguf.keys = gguf_keys,
    .gguf.renorm = true,
    .base.router = "sigmoid-bias-raw",
    .base.renorm = "sigmoid-bias",
    .hf.norm_topk_prob = true,
    .base.fix = fix,
    LFM2_FAMILY,
};
