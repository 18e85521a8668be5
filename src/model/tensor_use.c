/* tensor_use.c - which tensors of a file parameters are made of, and what is left over. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/architecture.h"
#include "model/tensor_use.h"

cadre_status tensor_use_grow(tensor_use *use, size_t more)
{
    const uint8_t **data = mem_resize(use->data, use->room, use->count + more, sizeof *data);
    if (!data) return CADRE_ENOMEM;
    use->data = data;
    use->room = use->count + more;
    return CADRE_OK;
}

void tensor_use_free(tensor_use *use)
{
    mem_free(use->data);
    *use = (tensor_use){ 0 };
}

static int by_address(const void *a, const void *b)
{
    const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;
    return x < y ? -1 : x > y;
}

/* Of a layer behind the last, which predicts further tokens; what the positions imply; what is there in another form. */
static bool may_be_left(const model_config *c, const char *name)
{
    static const char *const layers[] = { "model.layers.", "blk." };
    for (int i = 0; i < 2; i++)
        if (!strncmp(name, layers[i], strlen(layers[i])) && strtoll(name + strlen(layers[i]), NULL, 10) >= c->layers) return true;
    if (strstr(name, "rotary_emb.inv_freq")) return true;
    if (!strcmp(name, GGUF_DIVISORS) && (c->rope.scaling == ROPE_LLAMA3 || c->rope.scaling == ROPE_LISTED)) return true;
    if (c->split_kv_b && strstr(name, ".attn_kv_b.weight")) return true; /* as its two parts, too */
    if (c->encoder && (!strcmp(name, "shared.weight") || strstr(name, "coder.embed_tokens.weight"))) return true;
    return c->tie && (!strcmp(name, "lm_head.weight") || !strcmp(name, "output.weight"));
}

cadre_status tensor_use_check(tensor_use *use, const weight_file *f, const model_config *c)
{
    qsort(use->data, use->count, sizeof *use->data, by_address);
    for (size_t i = 0; i < weight_file_count(f); i++) {
        char buffer[GGUF_NAME];
        stored_tensor t;
        const char *name = weight_file_at(f, i, buffer, &t);
        if (!t.size || may_be_left(c, name) || bsearch(&t.data, use->data, use->count, sizeof *use->data, by_address)) continue;
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
                          "%s: expected no tensor of this name in a model of type %s, found one", name, c->arch->model_type);
    }
    return CADRE_OK;
}
