/* afmoe.c - Trinity, AFMoE (2025): gated attention with windows in most layers, which alone have
 * positions, norms on both sides of each half, top-k of biased sigmoid scores, shared experts. */
#include <math.h>

#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("num_shared_experts", shared_experts, 0, 2),
    KEY_INT_OF("num_dense_layers", dense_layers, 0, 1),
    KEY_INT_OF("head_dim", head_dim, 0, 128),
    KEY_INT_OF("sliding_window", window, 0, 1024),
    KEY_INT_OF("global_attn_every_n_layers", window_period, 0, 4),
    KEY_REAL_OF("rms_norm_eps", norm_eps, KEY_UNWRITTEN, 1e-5),
    KEY_REAL_OF("route_scale", route_scale, 0, 1),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    KEY_MUST_BE("score_func", "sigmoid"),
    KEY_MUST_BE("n_group", "1"),
    KEY_MUST_BE("topk_group", "1"),
    KEY_MUST_BE("num_expert_groups", "1"),
    KEY_MUST_BE("num_limited_groups", "1"),
    { 0 },
};

#define LAYER "model.layers.{l}."
static const tensor_name tensors[] = {
    { ROLE_ATTN_POST_NORM, LAYER "post_attention_layernorm.weight", 0 },
    { ROLE_FFN_NORM, LAYER "pre_mlp_layernorm.weight", 0 },
    { ROLE_FFN_POST_NORM, LAYER "post_mlp_layernorm.weight", 0 },
    { ROLE_ROUTER, LAYER "mlp.router.gate.weight", 0 },
    { ROLE_ROUTER_CORRECTION, LAYER "mlp.expert_bias", 0 },
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_count", shared_experts, 0, 0),
    KEY_REAL_OF("expert_weights_scale", route_scale, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("leading_dense_block_count", dense_layers, 0, 0),
    KEY_INT_OF("attention.sliding_window", window, KEY_REQUIRED, 0),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_ATTN_POST_NORM, "blk.{l}.post_attention_norm.weight", 0 },
    { ROLE_FFN_POST_NORM, "blk.{l}.post_ffw_norm.weight", 0 },
    { 0 },
};

static void fix(model_config *c)
{
    c->post_norms = true;
    c->gating = GATE_ELEMENTS;
    c->window_places = true;
}

static double root_of_width(const model_config *c) { return sqrt((double)c->width); }

/* With "mup_enabled", embeddings are multiplied by the root of the width. */
static cadre_status read(const json_node *root, model_config *c)
{
    bool scaled = false;
    CADRE_TRY(json_opt_bool(root, "mup_enabled", &scaled));
    if (scaled) c->embedding_scale = root_of_width(c);
    return CADRE_OK;
}

static void write(const model_config *c, json_writer *w)
{
    json_put_bool(w, "mup_enabled", c->embedding_scale != 1);
}

/* GGUF has no key for the scale of embeddings: all such files have it. */
static cadre_status read_gguf(const gguf *file, model_config *c)
{
    (void)file;
    c->embedding_scale = root_of_width(c);
    return CADRE_OK;
}

static const char *refuses(const model_config *c)
{
    if (c->embedding_scale != 1 && c->embedding_scale != root_of_width(c))
        return "its embeddings are multiplied by the root of the width, or not at all";
    return c->expert_width && c->shared_width % c->expert_width
               ? "its shared experts are as wide as the others"
               : NULL;
}

const architecture architecture_afmoe = {
    .model_type = "afmoe",
    .hf.class_name = "AfmoeForCausalLM",
    .words = "Trinity: top-k of biased sigmoid scores, gated attention, norms on both sides",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.renorm_key = "route_norm",
    .hf.norm_topk_prob = true,
    .hf.act = "silu",
    .hf.read = read,
    .hf.write = write,
    .hf.refuses = refuses,
    .gguf.name = "afmoe",
    .gguf.gating = 2,
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .gguf.renorm = true,
    .gguf.windows = true,
    .gguf.read = read_gguf,
    .base.router = "sigmoid-bias-raw",
    .base.renorm = "sigmoid-bias",
    .base.expert_form = "swiglu",
    .base.window_period = 4,
    .base.qk_norm = QK_NORM_HEAD,
    .base.fix = fix,
};
