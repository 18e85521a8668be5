/* causal_conv.h - a short convolution over time, each channel by itself, of a token and the K - 1
 * before it in its sequence:
 *
 *     s[t, c] = bias[c] + sum over j < K of w[c, j] u[t - K + 1 + j, c]      u: 0 before the first
 *     y = s, or SiLU(s)
 *
 * The sum is one chain, from the oldest token to the newest. What later tokens need of a sequence
 * is its last K - 1 inputs. */
#ifndef CADRE_OP_CAUSAL_CONV_H
#define CADRE_OP_CAUSAL_CONV_H

#include "kernel/compute.h"
#include "op/batch.h"
#include "op/leaves.h"
#include "op/strided.h"

enum { CAUSAL_CONV_MOST = 8 }; /* the largest K */

typedef struct causal_conv {
    int64_t channels, kernel; /* C, K */
    const real *w;            /* [C, K] */
    const real *bias;         /* [C], or NULL */
    real *dw, *dbias;         /* NULL: not trained */
    bool silu;
    real *ds; /* with silu, workspace of backward: the gradient by s [T, C] */
    bool accumulate;
    const leaf_list *leaves; /* how the gradients are summed; NULL: as accumulate says */
} causal_conv;

/* Elements of what a sequence keeps */
static inline int64_t causal_conv_past(const causal_conv *v)
{
    return (v->kernel - 1) * v->channels;
}

/* y [T, C] of u [T, C]; past [B, K - 1, C]: what came before each sequence; NULL: nothing */
void causal_conv_forward(const compute *c, const causal_conv *v, const token_batch *b,
    const real *past, strided_in u, strided_out y);
/* Makes `past` of one sequence, i, of the batch what comes before its next token. */
void causal_conv_keep(const causal_conv *v, const token_batch *b, int64_t i, strided_in u,
    real *past /* [K - 1, C] */);
/* Writes the gradient by u, which is not dy, and those of w and bias. Nothing came before the
 * sequences. */
void causal_conv_backward(const compute *c, const causal_conv *v, const token_batch *b,
    strided_in u, strided_in dy, strided_out du);

#endif
