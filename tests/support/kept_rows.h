/* kept_rows.h - elements of a cache of one head, as `real`, read through the view that attention
 * has of it. */
#ifndef CADRE_TESTS_KEPT_ROWS_H
#define CADRE_TESTS_KEPT_ROWS_H

#include "op/attention.h"

static inline real kept_key(const kv_view *v, int64_t token, int64_t i)
{
    const real *keys = v->keys[token / v->block];
    int64_t row = token % v->block;
    return keys[v->key_columns ? i * v->key_stride + row : row * v->key_stride + i];
}

static inline real kept_value(const kv_view *v, int64_t token, int64_t i)
{
    const real *values = v->values[token / v->block];
    return values[token % v->block * v->value_stride + i];
}

#endif
