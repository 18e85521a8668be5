/* cache.c - blocks of keys and values. */
#include "model/cache.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

static int64_t key_row_of(const model_config *c)
{
    return c->latent ? c->kv_lora + c->rope_dim : c->kv_heads * c->head_dim;
}
static int64_t value_row_of(const model_config *c)
{
    return c->latent ? 0 : c->kv_heads * c->value_dim;
}
static int64_t whole_blocks(int64_t tokens) { return (tokens + CACHE_BLOCK - 1) / CACHE_BLOCK; }

size_t kv_cache_bytes(const model_config *c, int64_t tokens)
{
    return (size_t)(whole_blocks(tokens) * CACHE_BLOCK * c->layers *
                    (key_row_of(c) + value_row_of(c))) *
           sizeof(real);
}

cadre_status kv_cache_open(kv_cache *out, const model_config *c, int64_t capacity)
{
    int64_t blocks = whole_blocks(capacity);
    kv_cache k = { .layers = c->layers,
        .key_row = key_row_of(c),
        .value_row = value_row_of(c),
        .capacity = blocks * CACHE_BLOCK };
    const int64_t factors[] = { k.capacity, k.layers, k.key_row + k.value_row };
    if (!checked_product(factors, 3, &k.reals))
        return cadre_fail(CADRE_ENOMEM, NULL,
            "a cache of %lld tokens does not fit the address space", (long long)capacity);
    k.memory = mem_reserve((size_t)k.reals, sizeof *k.memory);
    k.keys = MEM_ARRAY(const real *, (k.layers * blocks));
    k.values = MEM_ARRAY(const real *, (k.layers * blocks));
    if (!k.memory || !k.keys || !k.values) {
        kv_cache_close(&k);
        return CADRE_ENOMEM;
    }
    real *at = k.memory;
    for (int64_t i = 0; i < k.layers * blocks; i++) {
        k.keys[i] = at;
        k.values[i] = k.value_row ? at + CACHE_BLOCK * k.key_row : at;
        at += CACHE_BLOCK * (k.key_row + k.value_row);
    }
    *out = k;
    return CADRE_OK;
}

void kv_cache_close(kv_cache *k)
{
    mem_return(k->memory, (size_t)k->reals, sizeof *k->memory);
    mem_free(k->keys);
    mem_free(k->values);
    *k = (kv_cache){ 0 };
}

/* A block's first `tokens` rows. */
static void copy_block(const kv_cache *k, const real *from_keys, const real *from_values,
    real *keys, real *values, int64_t tokens)
{
    memcpy(keys, from_keys, (size_t)(tokens * k->key_row) * sizeof *keys);
    if (k->value_row) memcpy(values, from_values, (size_t)(tokens * k->value_row) * sizeof *values);
}

void kv_cache_copy(kv_cache *to, const kv_cache *from, int64_t length)
{
    for (int64_t l = 0; l < to->layers; l++) {
        const int64_t there = l * (to->capacity / CACHE_BLOCK),
                      here = l * (from->capacity / CACHE_BLOCK);
        for (int64_t b = 0; b < whole_blocks(length); b++) {
            int64_t tokens =
                length - b * CACHE_BLOCK < CACHE_BLOCK ? length - b * CACHE_BLOCK : CACHE_BLOCK;
            copy_block(to, from->keys[here + b], from->values[here + b],
                (real *)(uintptr_t)to->keys[there + b], (real *)(uintptr_t)to->values[there + b],
                tokens);
        }
    }
    to->length = length;
}

kv_view kv_cache_view(const kv_cache *k, int64_t layer)
{
    int64_t blocks = k->capacity / CACHE_BLOCK;
    return (kv_view){ .keys = k->keys + layer * blocks,
        .values = k->values + layer * blocks,
        .block = CACHE_BLOCK,
        .key_stride = k->key_row,
        .value_stride = k->value_row ? k->value_row : k->key_row };
}

void kv_cache_put(kv_cache *k, int64_t layer, int64_t tokens, const real *keys, const real *values)
{
    int64_t blocks = k->capacity / CACHE_BLOCK;
    for (int64_t t = 0; t < tokens; t++) {
        int64_t at = k->length + t, block = layer * blocks + at / CACHE_BLOCK,
                row = at % CACHE_BLOCK;
        memcpy((real *)(uintptr_t)k->keys[block] + row * k->key_row, keys + t * k->key_row,
            (size_t)k->key_row * sizeof *keys);
        if (k->value_row)
            memcpy((real *)(uintptr_t)k->values[block] + row * k->value_row,
                values + t * k->value_row, (size_t)k->value_row * sizeof *values);
    }
}
