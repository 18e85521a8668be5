/* weight.h - a weight is a view of memory that belongs to somebody else: a number format, a shape,
 * a stride, and for experts a table of pointers. Fused, sharded, mapped and expert-parallel weights
 * all fit it. */
#ifndef CADRE_KERNEL_WEIGHT_H
#define CADRE_KERNEL_WEIGHT_H

#include "kernel/matrix.h"

/* In training, a matrix of which this rank has some rows: which, and some columns of all rows, for
 * the gradient by what the matrix reads (op/linear.h). */
typedef struct weight_slice {
    int64_t first, whole;    /* rows before these, and in all */
    int64_t column, columns; /* of by_column: those before, and how many */
    const real *by_column;   /* [whole, columns]; NULL: a table that is looked up alone */
} weight_slice;

/* A pair of small matrices beside a matrix w [out, in], which itself stays as it is (LoRA, Hu et
 * al. 2021): a layer computes x w^T + (scale x a^T) b^T. Gradients, in training: NULL elsewhere. */
typedef struct low_rank {
    int64_t rank, in, out;
    real scale;
    const real *a, *b; /* [rank, in], [out, rank] */
    real *da, *db;
} low_rank;

typedef struct weight {
    const number_format *format; /* NULL: `real` */
    int64_t rows, cols;          /* [out, in] of one expert or of the matrix */
    int64_t stride;              /* elements between stored rows */
    /* In the layout of kernel/quant_interleaved.h: for forward products alone */
    bool interleaved;
    const void *data;                       /* the matrix; NULL where experts are */
    int experts;                            /* 0: a plain matrix */
    const void *const *expert;              /* [experts] */
    number_block_scales block_scales;       /* of the matrix, or of every expert but for .at */
    const void *const *expert_block_scales; /* [experts]; NULL: they have none */
    const weight_slice *slice;              /* NULL: all rows are here, or nothing is trained */
    /* [experts], or of the matrix; .a NULL: this one has no pair. NULL: none has. A pair of `gate`
     * with twice as many outputs is that of gate and up together (moe/expert_pairs.h). */
    const low_rank *pairs;
} weight;

static inline weight weight_of_floats(const real *data, int64_t rows, int64_t cols)
{
    return (weight){ .rows = rows, .cols = cols, .stride = cols, .data = data };
}

/* The matrix of one expert; with expert 0, that of a weight without experts. */
static inline matrix weight_matrix(const weight *w, int64_t expert)
{
    matrix m = { w->experts ? w->expert[expert] : w->data, w->stride, w->format, w->block_scales,
        w->interleaved };
    if (w->expert_block_scales) m.block_scales.at = w->expert_block_scales[expert];
    return m;
}

#endif
