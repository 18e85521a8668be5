/* state.c - opens the states of all layers' mixers, one after another. */
#include "model/state.h"

#include <string.h>

#include "cadre/model.h"
#include "base/memory.h"

/* THE LIST of number formats that a cache may be kept in. The first is `real` itself. */
static const number_format *const kept_in[] = { &number_f32, &number_f16, &number_q8_0 };
enum { KEPT_IN = sizeof kept_in / sizeof *kept_in };

const char *cadre_cache_format_name(int i) { return i < KEPT_IN ? kept_in[i]->name : NULL; }

static cadre_status find_format(const char *name, const number_format **format)
{
    for (int i = 0; i < KEPT_IN; i++)
        if (!strcmp(kept_in[i]->name, name)) {
            *format = i ? kept_in[i] : NULL;
            return CADRE_OK;
        }
    return cadre_fail(
        CADRE_EARGUMENT, NULL, "a cache's format: expected f32, f16 or q8_0, found %s", name);
}

/* A head's part of the rows, of keys and of values, is whole blocks. */
static cadre_status check_layer(const mixer_config *c, int64_t layer, const char *path)
{
    mixer_state_size size = c->row->state(c);
    int64_t heads = size.heads ? size.heads : 1, keys = size.key_row / heads,
            values = size.value_row / heads, block = c->cache->block;
    if (keys % block == 0 && values % block == 0) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, path,
        "a cache in %s: expected heads of a multiple of %lld elements, found %lld in layer %lld",
        c->cache->name, (long long)block, (long long)(keys % block ? keys : values),
        (long long)layer);
}

cadre_status model_state_choose(model_config *c, const char *name, const char *path)
{
    const number_format *format = NULL;
    if (name) CADRE_TRY(find_format(name, &format));
    if (format && c->encoder)
        return cadre_fail(CADRE_EUNSUPPORTED, path,
            "a cache in %s: expected a model that continues texts, found one with an encoder, "
            "which keeps no cache",
            format->name);
    for (int64_t l = 0; l < c->layers; l++) {
        c->layer[l].mixer.cache = format;
        if (format) CADRE_TRY(check_layer(&c->layer[l].mixer, l, path));
    }
    return CADRE_OK;
}

static const mixer_config **mixers_of(const model_config *c)
{
    const mixer_config **mixers = MEM_ARRAY(const mixer_config *, c->layers);
    for (int64_t l = 0; mixers && l < c->layers; l++) mixers[l] = &c->layer[l].mixer;
    return mixers;
}

cadre_status model_state_open(const model_config *c, int64_t capacity, sequence_state *s)
{
    const mixer_config **mixers = mixers_of(c);
    if (!mixers) return CADRE_ENOMEM;
    cadre_status status = sequence_state_open(s, mixers, c->layers, capacity);
    mem_free(mixers);
    return status;
}

int64_t model_state_window(const model_config *c)
{
    int64_t most = 0;
    for (int64_t l = 0; l < c->layers; l++) {
        const mixer_config *m = &c->layer[l].mixer;
        int64_t window = m->row->state(m).window;
        most = window > most ? window : most;
    }
    return most;
}

int64_t model_state_fixed_bytes(const model_config *c)
{
    int64_t elements = 0;
    for (int64_t l = 0; l < c->layers; l++) {
        const mixer_config *m = &c->layer[l].mixer;
        if (!m->elsewhere) elements += m->row->state(m).fixed;
    }
    return elements * (int64_t)sizeof(real);
}

int64_t model_state_block_bytes(const model_config *c)
{
    int64_t bytes = 0;
    for (int64_t l = 0; l < c->layers; l++) {
        const mixer_config *m = &c->layer[l].mixer;
        mixer_state_size size = m->row->state(m);
        if (!m->elsewhere && state_kind_of(&size) == STATE_WHOLE) bytes += state_block_bytes(&size);
    }
    return bytes;
}

cadre_status model_pool_open(const model_config *c, state_counts blocks, state_pool **p)
{
    const mixer_config **mixers = mixers_of(c);
    if (!mixers) return CADRE_ENOMEM;
    cadre_status status = state_pool_open(mixers, c->layers, blocks, p);
    mem_free(mixers);
    return status;
}

size_t model_state_bytes(const model_config *c, int64_t tokens)
{
    size_t bytes = 0;
    for (int64_t l = 0; l < c->layers; l++)
        if (!c->layer[l].mixer.elsewhere) bytes += layer_state_bytes(&c->layer[l].mixer, tokens);
    return bytes;
}

size_t model_state_table_bytes(const model_config *c, int64_t tokens)
{
    return sequence_state_table_bytes(c->layers, tokens);
}
