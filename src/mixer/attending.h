/* attending.h - what mixers that attend have in common: queries, keys and values of a batch's
 * tokens, attention over each sequence, and the projection of its result.
 *
 * Without states, a sequence's own keys are one block. With states, keys are appended to the state
 * and read there. */
#ifndef CADRE_MIXER_ATTENDING_H
#define CADRE_MIXER_ATTENDING_H

#include "base/memory.h"
#include "mixer/mixer.h"
#include "op/attention.h"

typedef struct attending {
    attention shape;
    int64_t value_row, value_head,
        value_first; /* of `values`: the row of a token, of a head, and its start */
    /* Where ranks gather `out`, these are the width of a token's row of all heads and the place
     * where this rank's begin. out_whole 0: `out` has this rank's heads alone */
    int64_t out_whole, out_first;
    /* Kept. values NULL: they are the first part of the keys */
    real *q, *k, *values, *out; /* [T, heads * width] each; out is attention's result */
    real *log_sum;              /* NULL: forward only */
    /* Workspace */
    attention_scratch scratch;
    attention_sequence *sequences;         /* [most sequences] */
    const void **key_block, **value_block; /* [most sequences] */
    attention_gradient *gradients;         /* [most sequences]; NULL: forward only */
    real *dq, *dk, *dvalues, *dout;        /* as those without d; NULL: forward only */
} attending;

/* Ordinary attention for this configuration; the caller may change widths before memory is laid
 * out. */
attention attending_shape(const mixer_config *c);
/* Lays `out` out as a row of all ranks' heads. */
void attending_gathers(attending *a, const mixer_config *c, const column_gather *tensor);
/* Adds what a call brings: positions, and sinks with their gradient. */
void attending_begin(attending *a, const mixer_call *call, const mixer_gradients *g);

/* value_row and value_head must be set. values: whether they differ from the keys. */
void attending_lay_kept(attending *a, arena *from, const batch_limits *most, bool values);
void attending_lay_workspace(
    attending *a, arena *from, const batch_limits *most, int workers, int64_t keys);

/* out = attention of q to k and values. */
void attending_forward(const attending *a, const mixer_call *call);
/* From dout to dq, dk and dvalues. */
void attending_backward(const attending *a, const mixer_call *call);

/* y [T, D] = heads [T, heads * value_dim] Wo^T + bo, and its gradient dheads. The heads are those
 * of all ranks, of which the others' are gathered; of dheads, this rank's are computed. */
void attending_project(const mixer_call *call, real *heads, real *y);
void attending_project_backward(const mixer_call *call, const mixer_gradients *g, const real *heads,
    const real *dy, real *dheads);

#endif
