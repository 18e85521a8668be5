/* weight.h - a weight is a view of somebody's memory: a number format, a shape, a stride, and for
 * experts a table of pointers.
 *
 * Fused, sharded, mapped, streamed and expert-parallel weights all fit it. It owns nothing. */
#ifndef CADRE_KERNEL_WEIGHT_H
#define CADRE_KERNEL_WEIGHT_H

#include "kernel/matrix.h"

typedef struct weight {
    const number_format *format; /* NULL: `real` */
    int64_t rows, cols;          /* [out, in] of one expert or of the matrix */
    int64_t stride;              /* elements between stored rows */
    /* Laid out as kernel/quant_strips.h says: for forward products alone */
    bool strips;
    const void *data;                  /* the matrix; NULL where experts are */
    int experts;                       /* 0: a plain matrix */
    const void *const *expert;         /* [experts] */
    number_factors factors;            /* of the matrix, or as every expert's, but for .at */
    const void *const *expert_factors; /* [experts]; NULL: they have none */
} weight;

static inline weight weight_of_reals(const real *data, int64_t rows, int64_t cols)
{
    return (weight){ .rows = rows, .cols = cols, .stride = cols, .data = data };
}

/* The matrix of one expert, or of a weight that has none (expert 0). */
static inline matrix weight_matrix(const weight *w, int64_t expert)
{
    matrix m = { w->experts ? w->expert[expert] : w->data, w->stride, w->format, w->factors,
        w->strips };
    if (w->expert_factors) m.factors.at = w->expert_factors[expert];
    return m;
}

#endif
