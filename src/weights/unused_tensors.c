/* unused_tensors.c - finds the tensors of a file that no parameter is made of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/architecture.h"
#include "arch/config_gguf.h"
#include "weights/param_source.h"
#include "weights/unused_tensors.h"

static int by_address(const void *a, const void *b)
{
    const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;
    return x < y ? -1 : x > y;
}

static bool begins_with(const char *name, const char *begin)
{
    return !strncmp(name, begin, strlen(begin));
}

/* The number of the layer that a name belongs to; -1: the name has none. */
static int64_t layer_of(const char *name)
{
    static const char *const layers[] = { "model.layers.", "model.language_model.layers.", "blk." };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (begins_with(name, layers[i])) return strtoll(name + strlen(layers[i]), NULL, 10);
    return -1;
}

/* Whether a tensor is of a part of the model that is not read. */
static bool is_of_other_part(const model_config *c, const char *name)
{
    for (const char *const *left = c->arch->hf.left; left && *left; left++)
        if (begins_with(name, *left)) return true;
    return false;
}

/* Whether a layer after the last one predicts a further token: the file announces it, or the layer
 * has the projection that only such layers have. Any other layer is one that the configuration
 * knows nothing about. */
static bool predicts(const weight_file *f, const model_config *c, int64_t layer)
{
    static const char *const patterns[] = { "model.layers.%lld.eh_proj.weight",
        "blk.%lld.nextn.eh_proj.weight" };
    stored_tensor t;
    char name[TENSOR_NAME];
    if (layer < c->layers + c->predicting) return true;
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, patterns[i], (long long)layer);
        if (weight_file_find(f, name, &t)) return true;
    }
    return false;
}

/* Whether a tensor may be unused: it belongs to a layer that predicts further tokens, follows from
 * the positions, or repeats what is there in another form. */
static bool may_be_left(const weight_file *f, const model_config *c, const char *name)
{
    int64_t layer = layer_of(name);
    if (layer >= c->layers) return predicts(f, c, layer);
    if (strstr(name, "rotary_emb.inv_freq") || is_of_other_part(c, name)) return true;
    if (!strcmp(name, GGUF_DIVISORS) &&
        (c->rope.scaling == ROPE_LLAMA3 || c->rope.scaling == ROPE_LISTED ||
            c->rope.scaling == ROPE_PROPORTIONAL))
        return true;
    if (c->split_kv_b && strstr(name, ".attn_kv_b.weight"))
        return true; /* its two parts are there too */
    if (c->encoder && (!strcmp(name, "shared.weight") || strstr(name, "coder.embed_tokens.weight")))
        return true;
    return c->tie && (!strcmp(name, "lm_head.weight") || !strcmp(name, "output.weight"));
}

static cadre_status refuse(const weight_file *f, const model_config *c, const char *name)
{
    int64_t layer = layer_of(name);
    if (layer >= c->layers)
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
            "%s: expected the tensors of %lld layers, as the configuration says, found a layer "
            "%lld",
            name, (long long)c->layers, (long long)layer);
    return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
        "%s: expected no tensor of this name in a model of type %s, found one", name,
        c->arch->model_type);
}

cadre_status unused_tensors_check(tensor_use *use, const weight_file *f, const model_config *c)
{
    qsort(use->data, use->count, sizeof *use->data, by_address);
    for (size_t i = 0; i < weight_file_count(f); i++) {
        char buffer[GGUF_NAME];
        stored_tensor t;
        const char *name = weight_file_at(f, i, buffer, &t);
        if (!t.size || may_be_left(f, c, name)) continue;
        if (bsearch(&t.data, use->data, use->count, sizeof *use->data, by_address)) continue;
        if (packed_weight_accompanies(f, name, &t)) continue;
        return refuse(f, c, name);
    }
    return CADRE_OK;
}

static cadre_status add_table(
    tensor_use *use, const weight_file *f, const model_config *c, const param_table *table)
{
    for (int64_t i = 0; i < table->count; i++) {
        param_source s;
        CADRE_TRY(param_source_find(f, c, &table->rows[i], &s));
        CADRE_TRY(param_source_add_use(&s, use));
    }
    return CADRE_OK;
}

static cadre_status add_model(tensor_use *use, const weight_file *f, const model_config *c)
{
    param_table table = { 0 };
    CADRE_TRY(param_table_make(c, &table));
    cadre_status status = add_table(use, f, c, &table);
    param_table_free(&table);
    return status;
}

cadre_status unused_tensors_check_model(const weight_file *f, const model_config *c)
{
    tensor_use use = { 0 };
    cadre_status status = add_model(&use, f, c);
    if (status == CADRE_OK && c->encoder) status = add_model(&use, f, c->encoder);
    if (status == CADRE_OK) status = unused_tensors_check(&use, f, c);
    tensor_use_free(&use);
    return status;
}
