/* matrix.h - one matrix in memory that belongs to somebody else, as a product reads it: a number
 * format, a stride, and what else belongs to them.
 *
 * kernel/weight.h makes it from a weight. A caller hands the whole view to a product, so that
 * nothing can be left out of it. */
#ifndef CADRE_KERNEL_MATRIX_H
#define CADRE_KERNEL_MATRIX_H

#include <stdbool.h>

#include "base/real.h"
#include "kernel/number.h"
#include "kernel/number_block_scales.h"

typedef struct matrix {
    const void *data;
    int64_t stride;              /* elements between rows */
    const number_format *format; /* NULL: `real` */
    number_block_scales block_scales;
    /* In the layout of kernel/quant_interleaved.h: for forward products alone */
    bool interleaved;
} matrix;

static inline matrix matrix_of_floats(const real *data, int64_t stride)
{
    return (matrix){ .data = data, .stride = stride };
}

/* The matrix that begins `at` elements later, where a block of its format begins. */
static inline matrix matrix_from(matrix m, int64_t at)
{
    m.data = (const char *)m.data +
             (m.format ? (int64_t)number_row_bytes(m.format, at) : at * (int64_t)sizeof(real));
    return m;
}

/* The same from a row on, with its block scales. */
static inline matrix matrix_from_row(matrix m, int64_t row)
{
    m = matrix_from(m, row * m.stride);
    m.block_scales = number_block_scales_from(m.block_scales, row, 0);
    return m;
}

#endif
