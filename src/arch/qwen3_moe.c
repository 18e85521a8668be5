/* qwen3_moe.c - Qwen3-MoE (2025): renormalised softmax weights, 128 fine-grained experts,
 * norms over each head. */
#include "arch/qwen3_moe.h"

#include "arch/dense_layers.h"

const config_key qwen3_moe_keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 0),
    KEY_INT_OF("decoder_sparse_step", sparse_step, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, 0, 0),
    { 0 },
};

/* If the file does not say, the chosen experts together are as wide as a dense layer. */
static cadre_status read_gguf(const gguf *file, model_config *c)
{
    (void)file;
    if (!c->expert_width && c->topk) c->expert_width = c->dense_width / c->topk;
    return CADRE_OK;
}

static bool windowed(int64_t l, int64_t most)
{
    (void)l, (void)most;
    return true;
}

static const char *refuses(const model_config *c)
{
    return c->shared_width ? "it has no shared experts" : NULL;
}

const architecture architecture_qwen3_moe = {
    .model_type = "qwen3_moe",
    .hf.class_name = "Qwen3MoeForCausalLM",
    .words = "Qwen3-MoE: top-k of softmax, renormalised, no shared expert",
    .hf.keys = qwen3_moe_keys,
    .base.router = "softmax",
    .base.renorm = "softmax-renorm",
    .gguf.name = "qwen3moe",
    .gguf.keys = gguf_keys,
    .gguf.renorm = true,
    .gguf.read = read_gguf,
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .hf.windowed = windowed,
    .base.qk_norm = QK_NORM_HEAD,
    .hf.read = dense_layers_read,
    .hf.write = dense_layers_write,
    .hf.refuses = refuses,
};
