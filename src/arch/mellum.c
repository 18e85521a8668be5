/* mellum.c - Mellum 2 (2026): Qwen3-MoE with windows in most layers, whose positions are not
 * scaled. */
#include "arch/architecture.h"
#include "arch/dense_layers.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 0),
    KEY_INT_OF("decoder_sparse_step", sparse_step, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("sliding_window", window, 0, 1024),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("attention.sliding_window", window, 0, 0),
    { 0 },
};

static cadre_status read(const json_node *root, model_config *c)
{
    CADRE_TRY(dense_layers_read(root, c));
    return layer_kinds_read(root, c);
}

/* What transformers takes for files without "rope_parameters" */
static const char usual_ropes[] =
    "{ \"full_attention\": { \"rope_type\": \"default\", \"rope_theta\": 500000 },"
    " \"sliding_attention\": { \"rope_type\": \"default\", \"rope_theta\": 10000 } }";

const architecture architecture_mellum = {
    .model_type = "mellum",
    .hf.class_name = "MellumForCausalLM",
    .words = "Mellum 2: top-k of softmax, renormalised, windows in attention",
    .hf.keys = keys,
    .hf.kinds_of_rope = true,
    .hf.usual_ropes = usual_ropes,
    .hf.windows_listed = true,
    .gguf.name = "mellum",
    .gguf.keys = gguf_keys,
    .gguf.renorm = true,
    .gguf.windows = true,
    .base.window_period = 4,
    .base.router = "softmax",
    .base.renorm = "softmax-renorm",
    .hf.norm_topk_prob = true,
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.qk_norm = QK_NORM_HEAD,
    .hf.read = read,
    .hf.write = layer_kinds_write,
};
