/* cache.h - keys and values of one sequence's past, per layer, in blocks; memory that no token has
 * reached takes none.
 *
 * It holds what attention reads (after norms and rotary positions), in `real`. Who decides what is
 * kept is above (infer/). */
#ifndef CADRE_MODEL_CACHE_H
#define CADRE_MODEL_CACHE_H

#include "arch/config.h"
#include "base/real.h"
#include "op/attention.h"

enum { CACHE_BLOCK = 64 }; /* tokens */

typedef struct kv_cache {
    /* Reals a token; value_row 0: values are the keys' first part (latent attention) */
    int64_t layers, key_row, value_row;
    int64_t capacity; /* tokens, a multiple of CACHE_BLOCK */
    int64_t length;   /* tokens held */
    int64_t reals;    /* of memory */
    real *memory;
    const real **keys, **values; /* [layers, capacity / CACHE_BLOCK] */
} kv_cache;

cadre_status kv_cache_open(kv_cache *k, const model_config *config, int64_t capacity);
void kv_cache_close(kv_cache *k);
size_t kv_cache_bytes(const model_config *config, int64_t tokens);

/* The first `length` tokens of another cache of the same model, which holds that many. */
void kv_cache_copy(kv_cache *to, const kv_cache *from, int64_t length);

/* Where attention of this layer reads. */
kv_view kv_cache_view(const kv_cache *k, int64_t layer);

/* Writes `tokens` rows at positions length .. length + tokens - 1 of one layer; the caller moves
 * `length` after the last layer.
 * */
void kv_cache_put(kv_cache *k, int64_t layer, int64_t tokens, const real *keys, const real *values);

#endif
