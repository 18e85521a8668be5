/* matrix.h - one matrix in somebody's memory, as a product reads it: a number format, a stride, and
 * what belongs to them.
 *
 * It is what kernel/weight.h gives of a weight. Whoever makes a product hands the whole view over,
 * so that no part of it can be left out. It owns nothing. */
#ifndef CADRE_KERNEL_MATRIX_H
#define CADRE_KERNEL_MATRIX_H

#include <stdbool.h>

#include "base/real.h"
#include "kernel/number.h"
#include "kernel/number_factors.h"

typedef struct matrix {
    const void *data;
    int64_t stride;              /* elements between rows */
    const number_format *format; /* NULL: `real` */
    number_factors factors;
    /* Laid out as kernel/quant_strips.h says: for forward products alone */
    bool strips;
} matrix;

static inline matrix matrix_of_reals(const real *data, int64_t stride)
{
    return (matrix){ .data = data, .stride = stride };
}

/* The same from a row on, which begins a block of its format. */
static inline matrix matrix_from_row(matrix m, int64_t row)
{
    int64_t at = row * m.stride;
    m.data = (const char *)m.data +
             (m.format ? (int64_t)number_row_bytes(m.format, at) : at * (int64_t)sizeof(real));
    m.factors = number_factors_from(m.factors, row, 0);
    return m;
}

#endif
