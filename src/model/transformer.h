/* transformer.h - a whole stack of blocks on a batch of tokens: embedding, blocks, last norm, loss;
 * forward and backward.
 *
 *     x      = embedding of the inputs
 *     x     += mixer(norm(x));  x += ffn(norm(x))        for every block; the mixer is its row of
 *           THE LIST of token mixers, the ffn is dense or a sparse layer
 *     (between the two, in a decoder that has an encoder: x += attention to the encoder's output)
 *     hidden = norm(x);  logits = hidden head^T
 *
 * One code path for training and inference. All memory is laid out once for the largest batch: a
 * state a layer when training, one state for all layers otherwise. */
#ifndef CADRE_MODEL_TRANSFORMER_H
#define CADRE_MODEL_TRANSFORMER_H

#include "moe/layer.h"
#include "weights/weights.h"

typedef struct transformer transformer;

/* Layers first .. end - 1 of a model: what one rank of a pipeline has, or all. It holds so many
 * batches between their forward and their backward (passes) as are in flight; what is of no value
 * between two calls is there once. */
typedef struct transformer_stage {
    int64_t first, end;
    int passes;
} transformer_stage;

/* The whole model, one batch at a time. Borrows c and config. */
cadre_status transformer_new(
    compute *c, const model_config *config, const batch_limits *most, transformer **t);
void transformer_free(transformer *t);
size_t transformer_bytes(const compute *c, const model_config *config, const batch_limits *most);

/* After an optimiser step: the states among the router's own parameters of sparse layer l move, by
 * what its last forward left (moe_layer_end_step). */
void transformer_end_router_step(transformer *t, int64_t l, real *const *own);

/* After each sparse layer of a forward: its plan, of the tokens of this batch. */
typedef void (*transformer_watch)(void *arg, int64_t layer, const plan *p);

/* Leaves the normed hidden states, and when training what backward needs. Moves the states on. What
 * the batch points to stays as it is until backward. balance NULL: no balancing losses and no
 * counts; watch NULL: none. Fails where a state's pool has no room for its tokens, where it was
 * asked to stop and may, and where the weights' source of experts does: then states are as they
 * were, and nothing else is to be used. */
cadre_status transformer_forward(transformer *t, const model_weights *w, const token_batch *b,
    balance *balancing, transformer_watch watch, void *arg);
const real *transformer_hidden(const transformer *t); /* [tokens, D] of the last forward */

/* logits [rows, V] of tokens first .. first + rows - 1 of the last forward. */
void transformer_logits(
    transformer *t, const model_weights *w, int64_t first, int64_t rows, real *logits);

/* The same of any `count` tokens of it, at most as many as it had: one product for all. Not when
 * training. */
void transformer_logits_of(
    transformer *t, const model_weights *w, const int64_t *rows, int64_t count, real *logits);

/* losses [tokens] of the last forward, a target of -1 counting nothing. */
void transformer_losses(
    transformer *t, const model_weights *w, const int32_t *targets, real *losses);

/* After a training forward (and balance_finish): the losses, and gradients of scale * their sum and
 * of the balance's terms, added or written as g says. Fails where it was asked to stop and may: no
 * gradient is then to be used. */
cadre_status transformer_backward(transformer *t, const model_weights *w, model_gradients *g,
    const int32_t *targets, real scale, real *losses);
/* The same of an encoder, whose hidden states are not followed by a loss but by their gradient
 * dhidden [tokens, D], which the decoder's last backward has left. */
cadre_status transformer_backward_from(
    transformer *t, const model_weights *w, model_gradients *g, const real *dhidden);
const real *transformer_encoder_gradient(const transformer *t);

/* ---- a stage of a pipeline ---- */

cadre_status transformer_new_stage(compute *c, const model_config *config, const batch_limits *most,
    const transformer_stage *stage, transformer **t);
size_t transformer_stage_bytes(const compute *c, const model_config *config,
    const batch_limits *most, const transformer_stage *stage);

/* The calls that follow are of pass i of the stage's; at first of pass 0. */
void transformer_turn_to(transformer *t, int i);

/* [T, D] the residual where the stage begins, which is filled in before forward unless that is with
 * layer 0; and where it ends, after forward. */
real *transformer_entry(transformer *t);
const real *transformer_exit(const transformer *t);
/* [T, D] the gradient by the latter, which is filled in before backward unless the stage has the
 * last layer; after backward it is that by the former. */
real *transformer_gradient(transformer *t);

#endif
