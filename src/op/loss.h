/* loss.h - next-token cross entropy from hidden states: output head, softmax and their gradients
 * together.
 *
 * Logits exist for a chunk of rows at a time, never [T, V]. Sums over tokens continue from chunk to
 * chunk in token order, or along the tree of leaves, so that the size of a chunk changes no bit. */
#ifndef CADRE_OP_LOSS_H
#define CADRE_OP_LOSS_H

#include <stdint.h>

#include "base/memory.h"
#include "kernel/compute.h"
#include "kernel/rows.h"
#include "op/gather.h"
#include "op/linear.h"

typedef struct loss_head {
    linear head;      /* [V, D] */
    real logit_scale; /* logits = logit_scale * head(x) */
    real logit_cap;   /* then they are c tanh(z / c); 0: none. Forward only */
    /* Joins the ranks that have some of all `all` rows of the head each; NULL: this one has all. */
    const column_gather *tensor;
    int64_t all;
} loss_head;

typedef struct loss_scratch {
    int64_t rows; /* of a chunk */
    real *logits; /* [rows, V] */
    real *sums;   /* [levels of the tree, own rows, D] the head's gradients; NULL: no leaves */
} loss_scratch;

/* tokens: the most in one call; own: rows of the head that are here; leaves: of the step; 0: none,
 * or the head is not trained */
loss_scratch loss_scratch_take(
    arena *a, int64_t tokens, int64_t vocabulary, int64_t own, int64_t width, int32_t leaves);

typedef struct loss_pass {
    int64_t tokens;
    strided_in x;           /* [T, D] hidden states */
    const int32_t *targets; /* [T] */
    real *losses;           /* [T] -log p(target); 0 for a target of -1, which does not count */
    real scale;             /* backward: gradients are those of scale * sum(losses) */
    const real *weights;    /* [T] of the losses in that sum; NULL: 1 */
    strided_out dx;         /* [T, D] backward */
} loss_pass;

/* x [n] = c tanh(x / c) */
void loss_cap_logits(const row_kernels *rows, real cap, int64_t n, real *x);

void loss_forward(
    compute *c, const loss_head *h, const loss_scratch *scratch, const loss_pass *pass);

/* Computes the same losses; dx (+)= their gradient, and the head's gradients as `head` says. */
void loss_forward_backward(
    compute *c, const loss_head *h, const loss_scratch *scratch, const loss_pass *pass);

#endif
