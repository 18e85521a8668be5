/* experts.h - the experts' arithmetic over rows grouped by expert, and the weighted sum back into token order.
 *
 *     hidden [R, H] = act(gather(x) Wg^T (+ bg), gather(x) Wu^T (+ bu))      rows of one expert stand together
 *     out    [R, D] = hidden Wd^T (+ bd)
 *     y_t           = (shared expert) + sum over picks k = 0 .. K-1, in this order, of weight[t, k] * out[slot[t, k]]
 *
 * The backward pass needs neither out nor hidden: with dA = gather(dy) Wd, dweight = <hidden, dA> and hidden is
 * recomputed from the pre-activations while they are in cache. Rows of one expert are in token order, so a weight gradient is one
 * chain over tokens and a batch cut in parts continues it. */
#ifndef CADRE_MOE_EXPERTS_H
#define CADRE_MOE_EXPERTS_H

#include "kernel/compute.h"
#include "kernel/rows.h"
#include "kernel/weight.h"
#include "moe/plan.h"

/* Weights of the experts that this rank holds: views with one pointer an expert. Forms with one input use `gate` alone. Fastest
 * when an expert's up lies right behind its gate: the two are then one matrix [2H, D]. */
typedef struct expert_weights {
    weight gate, up, down;        /* [H, D], [H, D], [D, H]; .expert tables */
    const real *const *gate_bias; /* [experts] of [H]; NULL: none. So are the next two */
    const real *const *up_bias;   /* [experts] of [H] */
    const real *const *down_bias; /* [experts] of [D] */
} expert_weights;

typedef struct expert_gradients {
    real *const *gate, *const *up, *const *down; /* [experts] each */
    real *const *gate_bias, *const *up_bias, *const *down_bias; /* NULL where weights have none */
} expert_gradients;

#endif
