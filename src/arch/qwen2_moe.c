/* qwen2_moe.c - Qwen1.5-MoE and Qwen2-MoE (2024): softmax weights that are not renormalised, a
 * shared expert with a gate and its own width, and biases of q, k and v. */
#include "arch/architecture.h"
#include "arch/dense_layers.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("shared_expert_intermediate_size", shared_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, KEY_UNUSUAL, 0),
    KEY_INT_OF("decoder_sparse_step", sparse_step, KEY_ZERO_UNSAID, 1),
    KEY_BOOL_OF("qkv_bias", qkv_bias, 0, 1),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    { 0 },
};

static const tensor_name tensors[] = {
    { ROLE_SHARED_GATE, "model.layers.{l}.mlp.shared_expert.gate_proj.weight", 0 },
    { ROLE_SHARED_UP, "model.layers.{l}.mlp.shared_expert.up_proj.weight", 0 },
    { ROLE_SHARED_DOWN, "model.layers.{l}.mlp.shared_expert.down_proj.weight", 0 },
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, 0, 0),
    KEY_INT_OF("expert_shared_feed_forward_length", shared_width, 0, 0),
    { 0 },
};

/* The first files had one width, for the shared expert and for the chosen experts together. */
static cadre_status read_gguf(const gguf *file, model_config *c)
{
    (void)file;
    if (!c->expert_width && c->topk) c->expert_width = c->dense_width / c->topk;
    if (!c->shared_width) c->shared_width = c->dense_width;
    return CADRE_OK;
}

static void fix(model_config *c)
{
    c->shared_gated = true;
    c->qkv_bias = true;
}

static bool windowed(int64_t l, int64_t most) { return l % 2 == 0 && l < most; }

static const char *refuses(const model_config *c)
{
    return c->shared_gated ? NULL : "its shared expert has a gate";
}

const architecture architecture_qwen2_moe = {
    .model_type = "qwen2_moe",
    .hf.class_name = "Qwen2MoeForCausalLM",
    .words = "Qwen2-MoE: top-k of softmax, weights as they are, a gated shared expert",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .gguf.name = "qwen2moe",
    .gguf.head = true,
    .gguf.keys = gguf_keys,
    .gguf.read = read_gguf,
    .base.router = "softmax",
    .base.renorm = "softmax-renorm",
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .hf.windowed = windowed,
    .base.fix = fix,
    .hf.read = dense_layers_read,
    .hf.write = dense_layers_write,
    .hf.refuses = refuses,
};
