/* qwen3.c - Qwen3 (2025), dense: norms over each head of queries and keys. */
#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 128),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, KEY_REQUIRED, 0),
    { 0 },
};

static bool windowed(int64_t l, int64_t most) { return l >= most; }

static const char *refuses(const model_config *c)
{
    return model_config_sparse_layers(c) ? "it has no experts" : NULL;
}

const architecture architecture_qwen3 = {
    .model_type = "qwen3",
    .hf.class_name = "Qwen3ForCausalLM",
    .words = "Qwen3: dense",
    .hf.keys = keys,
    .gguf.name = "qwen3",
    .gguf.keys = gguf_keys,
    .base.router = "softmax",
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .hf.windowed = windowed,
    .base.qk_norm = QK_NORM_HEAD,
    .hf.refuses = refuses,
};
