/* loss.h - next-token cross entropy from hidden states: output head, softmax and their gradients
 * together.
 *
 * Logits exist for a chunk of rows at a time, never [T, V]. Sums over tokens run on across chunks
 * in token order, so the chunks leave no trace. */
#ifndef CADRE_OP_LOSS_H
#define CADRE_OP_LOSS_H

#include <stdint.h>

#include "base/memory.h"
#include "kernel/compute.h"
#include "op/linear.h"

typedef struct loss_head {
    linear head;      /* [V, D] */
    real logit_scale; /* logits = logit_scale * head(x) */
} loss_head;

typedef struct loss_scratch {
    int64_t rows; /* a chunk */
    real *logits; /* [rows, V] */
} loss_scratch;

/* tokens: the most in one call */
loss_scratch loss_scratch_take(arena *a, int64_t tokens, int64_t vocabulary);

/* losses [T] = -log p(target); a target of -1 counts nothing and gives 0. */
void loss_forward(compute *c, const loss_head *h, int64_t tokens, const real *x, int64_t x_stride,
    const int32_t *targets, const loss_scratch *scratch, real *losses);

/* The same, and the gradients of scale * sum(losses): dx [T, D] is written, the head's are added
 * to. */
void loss_forward_backward(compute *c, const loss_head *h, int64_t tokens, const real *x,
    int64_t x_stride, const int32_t *targets, real scale, const loss_scratch *scratch, real *losses,
    real *dx, int64_t dx_stride);

#endif
