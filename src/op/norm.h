/* norm.h - root mean square norm (Zhang and Sennrich 2019) of whole rows or of each head of a
 * row. */
#ifndef CADRE_OP_NORM_H
#define CADRE_OP_NORM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/real.h"
#include "kernel/compute.h"
#include "op/leaves.h"
#include "op/strided.h"

typedef struct norm {
    int64_t heads, width; /* heads 1: the whole row */
    bool own_gains;       /* each head has its own gain; else they share one */
    const real *gain;     /* [width], of own gains [heads, width] */
    real *dgain;          /* as gain, or NULL: not trained */
    real eps;
    bool accumulate;         /* dgain is added to; else written */
    const leaf_list *leaves; /* as in a linear */
} norm;

/* y = x r gain, r = 1 / sqrt(mean x^2 + eps), for each head of x [T, heads * width]. inverse [T,
 * heads] keeps r for the backward pass; NULL: not wanted. y may be x. */
void norm_forward(
    const compute *c, const norm *n, int64_t tokens, strided_in x, strided_out y, real *inverse);

/* dx (+)= the gradient, dgain (+)= its own. dx may be dy unless it is added to. */
void norm_backward(const compute *c, const norm *n, int64_t tokens, strided_in x,
    const real *inverse, strided_in dy, strided_out dx);

#endif
