/* linear.h - y = x w^T + bias, and its gradients: sums over tokens, in token order or along a tree
 * of leaves. */
#ifndef CADRE_OP_LINEAR_H
#define CADRE_OP_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/compute.h"
#include "kernel/weight.h"
#include "op/leaves.h"
#include "op/strided.h"

enum { LINEAR_TOGETHER = 4 }; /* at most so many for linear_forward_together */

typedef struct linear {
    weight w;                /* [N, K], a plain matrix in stored row order */
    const real *bias;        /* [N], or NULL */
    real *dw;                /* [N, K], or NULL: not trained */
    real *dbias;             /* [N], or NULL */
    bool accumulate;         /* dw and dbias are added to; else written */
    const leaf_list *leaves; /* how they are summed; NULL: in one chain, as accumulate says */
} linear;

/* y [T, N] = x [T, K] w^T + bias */
void linear_forward(compute *c, const linear *l, int64_t tokens, strided_in x, strided_out y);

/* Several layers that read the same x (q, k and v; gate and up) in one call: the same bits, less
 * overhead. */
void linear_forward_together(compute *c, const linear *const *l, int count, int64_t tokens,
    strided_in x, const strided_out *y /* [count] */);

/* dx (+)= dy w, dw (+)= dy^T x, dbias (+)= the sum of dy's rows.
 *
 * Where w is a slice (kernel/weight.h), dy has the columns of all rows of the matrix, gathered;
 * dw and dbias are those of the rows that are here, and of dx some columns are written at their
 * places, of which the others are another rank's. No sum is cut.
 *
 * A pair beside w (w.pairs) gets its gradients where x is given. */
void linear_backward(
    compute *c, const linear *l, int64_t tokens, strided_in x, strided_in dy, strided_out dx);

#endif
