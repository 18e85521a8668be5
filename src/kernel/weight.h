/* weight.h - a weight is a view of somebody's memory: a number format, a shape, a stride, and for experts a table of pointers.
 *
 * Fused, sharded, mapped, streamed and expert-parallel weights all fit it. It owns nothing. */
#ifndef CADRE_KERNEL_WEIGHT_H
#define CADRE_KERNEL_WEIGHT_H

#include <stdbool.h>

#include "base/real.h"
#include "kernel/number.h"
#include "kernel/number_factors.h"

typedef struct weight {
    const number_format *format; /* NULL: `real` */
    int64_t rows, cols;          /* [out, in] of one expert or of the matrix */
    int64_t stride;              /* elements between stored rows */
    const int32_t *row_order;    /* [rows]: the stored row of row i; NULL: i */
    bool strips;                 /* laid out as kernel/quant_strips.h says: for forward products alone */
    const void *data;            /* the matrix; NULL where experts are */
    int experts;                 /* 0: a plain matrix */
    const void *const *expert;   /* [experts] */
    number_factors factors;      /* of the matrix, or as every expert's, but for .at */
    const void *const *expert_factors; /* [experts]; NULL: they have none */
} weight;

static inline weight weight_of_reals(const real *data, int64_t rows, int64_t cols)
{
    return (weight){ .rows = rows, .cols = cols, .stride = cols, .data = data };
}

#endif
