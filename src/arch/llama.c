/* llama.c - Llama (Touvron et al. 2023 and later): the dense transformer that most sparse models
 * are made of. */
#include "arch/architecture.h"
#include "arch/config_keys_gguf.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 0),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    KEY_BOOL_OF("mlp_bias", ffn_bias, 0, 0),
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, KEY_REQUIRED, 0),
    { 0 },
};

static bool gguf_is(const gguf *file)
{
    return !config_gguf_has_experts(file, "llama.expert_count");
}

static const char *refuses(const model_config *c)
{
    return model_config_sparse_layers(c) ? "it has no experts" : NULL;
}

const architecture architecture_llama = {
    .model_type = "llama",
    .hf.class_name = "LlamaForCausalLM",
    .words = "Llama: dense",
    .hf.keys = keys,
    .gguf.name = "llama",
    .gguf.divisors = true,
    .gguf.keys = gguf_keys,
    .gguf.tensors = tensor_names_paired,
    .gguf.is = gguf_is,
    .base.router = "softmax",
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .hf.refuses = refuses,
};
