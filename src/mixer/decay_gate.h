/* decay_gate.h - how much of a recurrent state each token lets stand, in [0, 1], for each head or
 * for each row of a head's state: exp(g) with
 *
 *     soft       g = -e^A softplus(a + bias)
 *     bounded    g = bound sigmoid(e^A (a + bias))         bound < 0
 *
 * a [T, N] is a projection of the tokens. A is one number for each head, of which `each` columns
 * in turn are; N = heads each. */
#ifndef CADRE_MIXER_DECAY_GATE_H
#define CADRE_MIXER_DECAY_GATE_H

#include "mixer/mixer_ops.h"

typedef struct decay_gate {
    int64_t heads, each;
    double bound;    /* 0: soft */
    real *a;         /* kept: a, and after forward a + bias [T, N] */
    real *g, *decay; /* kept [T, N] */
    real *rate;      /* workspace: e^(A) of every column [N] */
    real *dg, *da;   /* workspace, in training [T, N]; dg: the gradient by decay, before backward */
    const real *bias; /* [N] */
} decay_gate;

void decay_gate_lay_kept(decay_gate *d, arena *from, const batch_limits *most);
void decay_gate_lay_workspace(decay_gate *d, arena *from, const batch_limits *most);
void decay_gate_forward(const mixer_call *call, decay_gate *d);
/* Writes d->da, and the gradients of A and bias. */
void decay_gate_backward(const mixer_call *call, const mixer_gradients *g, decay_gate *d);

#endif
