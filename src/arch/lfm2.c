/* lfm2.c - LFM2 (2025), dense: gated short convolutions in most layers, attention in the others.
 * Files may name a width of the feed-forwards from which the true one is computed. */
#include "arch/lfm2.h"

static const config_key keys[] = {
    KEY_INT_OF("block_ff_dim|intermediate_size", dense_width, KEY_REQUIRED | KEY_UNWRITTEN, 0),
    KEY_INT_OF("conv_L_cache", conv, 0, 3),
    KEY_REAL_OF("norm_eps", norm_eps, 0, 1e-5),
    KEY_BOOL_OF("tie_embedding|tie_word_embeddings", tie, KEY_UNWRITTEN, 1),
    KEY_MUST_BE("conv_bias", "false"),
    { 0 },
};

const layer_type lfm2_types[] = { { "conv", "short-conv" }, { 0 } };

static const tensor_name tensors[] = { LFM2_TENSORS, { 0 } };

/* Two thirds of the named width, times a factor, rounded up to a multiple */
static cadre_status read_width(const json_node *root, model_config *c)
{
    bool adjusted = true;
    int64_t multiple = 256;
    double factor = 1;
    json_node node = json_member(root, "block_ffn_dim_multiplier");
    CADRE_TRY(json_opt_bool(root, "block_auto_adjust_ff_dim", &adjusted));
    CADRE_TRY(json_opt_int(root, "block_multiple_of", 1, 1 << 20, &multiple));
    CADRE_TRY(json_opt_real(root, "block_ffn_dim_multiplier", 0, 1e3, &factor));
    if (!adjusted) return CADRE_OK;
    c->dense_width = (int64_t)(2 * (double)c->dense_width / 3);
    if (json_kind_of(&node) == JSON_KIND_NULL) return CADRE_OK;
    c->dense_width = (int64_t)(factor * (double)c->dense_width);
    c->dense_width = (c->dense_width + multiple - 1) / multiple * multiple;
    return CADRE_OK;
}

/* Without "layer_types", a list names the layers that attend; without both, all do. */
static cadre_status read_kinds(const json_node *root, model_config *c)
{
    json_node list;
    bool attends[CONFIG_MAX_LAYERS] = { false };
    CADRE_TRY(json_opt_array(root, "layer_types", &list));
    if (list.value) return CADRE_OK;
    CADRE_TRY(json_opt_array(root, "full_attn_idxs", &list));
    if (!list.value) return CADRE_OK;
    for (size_t i = 0; i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        int64_t layer;
        CADRE_TRY(json_as_int(&item, 0, c->layers - 1, &layer));
        attends[layer] = true;
    }
    for (int64_t l = 0; l < c->layers; l++)
        if (!attends[l]) CADRE_TRY(model_config_set_mixer(c, l, "short-conv", root->file));
    return CADRE_OK;
}

static cadre_status read(const json_node *root, model_config *c)
{
    CADRE_TRY(read_width(root, c));
    for (int64_t l = 0; l < c->layers; l++) c->layer[l].dense_width = c->dense_width;
    return read_kinds(root, c);
}

static void write(const model_config *c, json_writer *w)
{
    json_put_int(w, "intermediate_size", c->dense_width);
    json_put_bool(w, "block_auto_adjust_ff_dim", false);
}

static const char *refuses(const model_config *c)
{
    return model_config_sparse_layers(c) ? "it has no experts" : NULL;
}

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("shortconv.l_cache", conv, KEY_REQUIRED, 0),
    { 0 },
};

const tensor_name lfm2_gguf_tensors[] = {
    { ROLE_OUT_NORM, "token_embd_norm.weight", 0 },
    { 0 },
};

const architecture architecture_lfm2 = {
    .model_type = "lfm2",
    .hf.class_name = "Lfm2ForCausalLM",
    .words = "LFM2: dense, short convolutions",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.read = read,
    .hf.write = write,
    .hf.refuses = refuses,
    .gguf.name = "lfm2",
    .gguf.keys = gguf_keys,
    .base.router = "softmax",
    LFM2_FAMILY,
};
