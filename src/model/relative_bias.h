/* relative_bias.h - T5's positions (Raffel et al. 2020): scores get a bias by the bucket that the
 * distance of key and query falls into. */
#ifndef CADRE_MODEL_RELATIVE_BIAS_H
#define CADRE_MODEL_RELATIVE_BIAS_H

#include "arch/config.h"
#include "base/real.h"
#include "kernel/weight.h"

/* bias [heads, 2 * keys]: that of distance d = key - query, -keys < d < keys, is at keys + d. table
 * [buckets, heads], in any number format. */
void relative_bias_fill(const model_config *config, const weight *table, int64_t keys, real *bias);

/* dtable [buckets, heads] from the gradients by the elements that relative_bias_fill wrote, which
 * `layers` layers have: dbias [layers, heads, 2 keys]. */
void relative_bias_gradient(
    const model_config *c, const real *dbias, int64_t layers, int64_t keys, real *dtable);

#endif
