/* linear.h - y = x w^T + bias, and its gradients. Gradients of parameters are added to, in token
 * order. */
#ifndef CADRE_OP_LINEAR_H
#define CADRE_OP_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/compute.h"
#include "kernel/weight.h"

enum { LINEAR_TOGETHER = 4 }; /* most that linear_forward_together takes */

typedef struct linear {
    weight w;         /* [N, K], a plain matrix in stored row order */
    const real *bias; /* [N], or NULL */
    real *dw;         /* [N, K], or NULL: not trained */
    real *dbias;      /* [N], or NULL */
} linear;

/* y [T, N] = x [T, K] w^T + bias. Strides are in elements, from row to row. */
void linear_forward(compute *c, const linear *l, int64_t tokens, const real *x, int64_t x_stride,
    real *y, int64_t y_stride);

/* Several layers that read the same x (q, k and v; gate and up) in one call: the same bits, less
 * overhead. */
void linear_forward_together(compute *c, const linear *const *l, int count, int64_t tokens,
    const real *x, int64_t x_stride, real *const *y, const int64_t *y_stride);

/* dx (+)= dy w, dw += dy^T x, dbias += the sum of dy's rows. dx NULL: not wanted. */
void linear_backward(compute *c, const linear *l, int64_t tokens, const real *x, int64_t x_stride,
    const real *dy, int64_t dy_stride, bool accumulate, real *dx, int64_t dx_stride);

#endif
