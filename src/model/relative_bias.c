/* relative_bias.c - buckets: each near distance has its own; far ones share, in steps of equal
 * ratio. */
#include "model/relative_bias.h"

#include <math.h>

#include "weights/weights.h"

/* This is computed in float, like the published code, because the rounding decides near a
 * boundary. */
static int64_t bucket_of(const model_config *c, int64_t distance)
{
    int64_t buckets = c->bidirectional ? c->relative_buckets / 2 : c->relative_buckets,
            first = c->bidirectional && distance > 0 ? buckets : 0;
    int64_t far = c->bidirectional ? (distance < 0 ? -distance : distance)
                                   : (distance < 0 ? -distance : 0),
            exact = buckets / 2;
    if (far < exact) return first + far;
    float ratio =
        logf((float)far / (float)exact) / (float)log((double)c->relative_distance / (double)exact);
    int64_t bucket = exact + (int64_t)(ratio * (float)(buckets - exact));
    return first + (bucket < buckets ? bucket : buckets - 1);
}

static real number_at(const weight *table, int64_t row, int64_t column)
{
    float value;
    const char *at = matrix_from_row(weight_matrix(table, 0), row).data;
    if (!table->format) return ((const real *)(const void *)at)[column];
    table->format->unpack(at + number_row_bytes(table->format, column), &value, 1);
    number_apply_block_scales(&table->block_scales, row, column, 1, &value);
    return (real)value;
}

void relative_bias_fill(const model_config *c, const weight *table, int64_t keys, real *bias)
{
    for (int64_t d = 1 - keys; d < keys; d++) {
        int64_t bucket = bucket_of(c, d);
        for (int64_t h = 0; h < c->heads; h++)
            bias[h * 2 * keys + keys + d] = number_at(table, bucket, h);
    }
}

void relative_bias_gradient(
    const model_config *c, const real *dbias, int64_t layers, int64_t keys, real *dtable)
{
    for (int64_t i = 0; i < c->relative_buckets * c->heads; i++) dtable[i] = 0;
    for (int64_t l = 0; l < layers; l++)
        for (int64_t d = 1 - keys; d < keys; d++) {
            real *row = dtable + bucket_of(c, d) * c->heads;
            for (int64_t h = 0; h < c->heads; h++)
                row[h] += dbias[(l * c->heads + h) * 2 * keys + keys + d];
        }
}
