/* qwen3_5.c - Qwen3.5 and Qwen3.6 (2026), dense, the text part: gated delta nets in most layers,
 * gated attention in every fourth. Published files have it inside of a larger model, whose part
 * that sees is not read; what is written is the text part alone. */
#include "arch/delta_net.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, KEY_REQUIRED, 0),
    DELTA_NET_KEYS,
    { 0 },
};

static const tensor_name tensors[] = { DELTA_NET_TENSORS, { 0 } };

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, KEY_REQUIRED, 0),
    DELTA_NET_GGUF_KEYS,
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    DELTA_NET_TILED_TENSORS,
    { 0 },
};

static const char *const left[] = { "model.visual.", "mtp.", NULL };

static const char *refuses(const model_config *c)
{
    return model_config_sparse_layers(c) ? "it has no experts" : delta_net_refuses(c);
}

/* clang-format off */
#define FAMILY                                                                                     \
    .hf.keys = keys,                                                                               \
    .hf.tensors = tensors,                                                                         \
    .hf.left = left,                                                                               \
    DELTA_NET_FAMILY,                                                                              \
    .hf.read = delta_net_read,                                                                     \
    .hf.write = delta_net_write,                                                                   \
    .hf.refuses = refuses,                                                                         \
    .gguf.name = "qwen35",                                                                         \
    .gguf.keys = gguf_keys,                                                                        \
    .gguf.tensors = gguf_tensors
/* clang-format on */

const architecture architecture_qwen3_5_text = {
    .model_type = "qwen3_5_text",
    .hf.class_name = "Qwen3_5ForCausalLM",
    .words = "Qwen3.5, dense, its text part alone",
    FAMILY,
};

const architecture architecture_qwen3_5 = {
    .model_type = "qwen3_5",
    .words = "Qwen3.5 and 3.6: dense, gated delta nets",
    .hf.nested = "text_config",
    .hf.prefix = "model.language_model.",
    FAMILY,
    .written = &architecture_qwen3_5_text,
};
