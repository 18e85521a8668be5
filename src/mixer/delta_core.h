/* delta_core.h - what the mixers with a delta rule have in common, all between their projections of
 * a token and the last one:
 *
 *     q | k | v    their inputs, each channel convolved over time, and SiLU     op/causal_conv.h
 *     o            the delta rule                                               op/delta_rule.h
 *     out          each head's o, normed, times a function of its gate z
 *
 * The state of a sequence is the last inputs of the convolutions and the states of all heads. */
#ifndef CADRE_MIXER_DELTA_CORE_H
#define CADRE_MIXER_DELTA_CORE_H

#include "mixer/decay_gate.h"
#include "op/causal_conv.h"
#include "op/delta_rule.h"

enum { DELTA_CONVS = 3 }; /* at most */

typedef struct delta_core {
    int64_t channels; /* C, of q, k and v together */
    int64_t values;   /* V of all heads */
    delta_rule rule;
    decay_gate decay;
    causal_conv conv[DELTA_CONVS]; /* over neighbouring channels */
    int convs;
    bool sigmoid; /* the function of z; else SiLU */
    norm norm;
    const row_kernels *rows;
    /* Kept. in [T, C], beta [T, heads] and z [T, values] are projections of the tokens, as is
     * decay.a; what beta becomes, and with a sigmoid what z becomes, is the sigmoid of it. */
    real *in, *beta, *z;
    real *mixed;        /* in, convolved [T, C] */
    real *o, *inverse;  /* [T, values], [T, heads] */
    real *normed, *out; /* [T, values] */
    /* Workspace */
    real *past;          /* of each convolution [B, K - 1, its channels] */
    const real **before; /* [B] states, and where they go */
    real **after;
    /* In training: dout is the gradient by out, before backward; after it, din, dbeta, dz and
     * decay.da are those by the projections. */
    real *dout, *dmixed, *ds, *din, *dbeta, *dz;
} delta_core;

/* convs: 1, or one each of q, k and v; each: columns of a decay for each head */
delta_core delta_core_sized(const mixer_config *c, int convs, int64_t each);
void delta_core_lay_kept(delta_core *m, arena *from, const batch_limits *most);
void delta_core_lay_workspace(delta_core *m, arena *from, const batch_limits *most, int workers);
/* The elements of a sequence's state */
int64_t delta_core_state(const delta_core *m);

/* Lays everything out in the call's memory. g NULL: forward only */
void delta_core_begin(delta_core *m, const mixer_call *call, const mixer_gradients *g);
void delta_core_forward(const mixer_call *call, delta_core *m);
void delta_core_backward(const mixer_call *call, const mixer_gradients *g, delta_core *m);

#endif
