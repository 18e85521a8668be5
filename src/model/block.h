/* block.h - one block of a transformer on the batch of its pass, forward and backward. */
#ifndef CADRE_MODEL_BLOCK_H
#define CADRE_MODEL_BLOCK_H

#include "model/transformer_state.h"

/* out [T, D] = block l of s->x. Fails if the weights' source of experts does. */
cadre_status block_forward(
    transformer *t, const model_weights *all, int64_t l, block_state *s, real *out);
/* Called after forward: t->dx, the gradient by the block's output, becomes the gradient by its
 * input. */
void block_backward(
    transformer *t, const layer_weights *w, layer_gradients *g, int64_t l, block_state *s);

/* In training, dropout on a half's output x [T, D]. half 0 mixes, half 1 feeds forward; the
 * embedding counts as half 0 of a layer after the last. */
void block_drop(const transformer *t, int64_t l, int half, real *x);

#endif
