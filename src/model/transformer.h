/* transformer.h - a whole stack of blocks on a batch of tokens: embedding, blocks, last norm, loss;
 * forward and backward.
 *
 *     x      = embedding of the inputs
 *     x     += mixer(norm(x));  x += ffn(norm(x))        for every block; the mixer is its row of
 *           THE LIST of token mixers, the ffn is dense or a sparse layer
 *     (between the two, in a decoder that has an encoder: x += attention to the encoder's output)
 *     hidden = norm(x);  logits = hidden head^T
 *
 * Training and inference share one code path. All memory is laid out once for the largest batch:
 * one state for each layer in training, otherwise one state for all layers. */
#ifndef CADRE_MODEL_TRANSFORMER_H
#define CADRE_MODEL_TRANSFORMER_H

#include "moe/layer.h"
#include "weights/weights.h"

typedef struct transformer transformer;

/* The layers first .. end - 1 of a model: those of one rank of a pipeline, or all. It can hold
 * `passes` batches between their forward and their backward. Memory without value between two calls
 * exists once. */
typedef struct transformer_stage {
    int64_t first, end;
    int passes;
} transformer_stage;

/* The whole model, one batch at a time. Borrows c and config. */
cadre_status transformer_new(
    compute *c, const model_config *config, const batch_limits *most, transformer **t);
void transformer_free(transformer *t);
size_t transformer_bytes(const compute *c, const model_config *config, const batch_limits *most);

/* Groups of ranks that divide the work on each layer: its matrices' rows and its heads; and its
 * experts, forward only (in training, those that divide a batch exchange rows: op/batch.h). NULL:
 * one rank has all. */
typedef struct transformer_ranks {
    comm *tensor, *owners;
    const expert_spread *placed; /* [layers] the owners' experts; NULL: runs of neighbours */
} transformer_ranks;

/* Called after an optimiser step: updates the states among the router's own parameters of sparse
 * layer l by what its last forward left (moe_layer_end_step). */
void transformer_end_router_step(transformer *t, int64_t l, real *const *own);

/* Called after each sparse layer of a forward with its plan for the tokens of this batch */
typedef void (*transformer_watch)(void *arg, int64_t layer, const plan *p);

/* Leaves the normed hidden states and, in training, what backward needs. Advances the states. What
 * the batch points to must stay unchanged until backward. balance NULL: no balancing losses and no
 * counts; watch NULL: none. Fails if a state's pool has no room for the tokens, if it may stop and
 * was asked to, and if the weights' source of experts fails. Then the states are as they were, and
 * nothing else may be used. */
cadre_status transformer_forward(transformer *t, const model_weights *w, const token_batch *b,
    balance *balancing, transformer_watch watch, void *arg);
const real *transformer_hidden(const transformer *t); /* [tokens, D] of the last forward */

/* logits [rows, V] of tokens first .. first + rows - 1 of the last forward. */
void transformer_logits(
    transformer *t, const model_weights *w, int64_t first, int64_t rows, real *logits);

/* Does the same for any `count` tokens of it, at most as many as it had, in one product. Not in
 * training. */
void transformer_logits_of(
    transformer *t, const model_weights *w, const int64_t *rows, int64_t count, real *logits);

/* losses [tokens] of the last forward; a target of -1 counts nothing. */
void transformer_losses(
    transformer *t, const model_weights *w, const int32_t *targets, real *losses);

/* Weights [tokens] of the losses in the sum that the next backward passes differentiate, borrowed;
 * NULL: 1 each, as at first. */
void transformer_weigh_losses(transformer *t, const real *weights);

/* Called after a training forward and balance_finish. Computes the losses, and the gradients of
 * scale * their sum and of the balance's terms, added or overwritten as g says. Fails if it may
 * stop and was asked to; then no gradient may be used. */
cadre_status transformer_backward(transformer *t, const model_weights *w, model_gradients *g,
    const int32_t *targets, real scale, real *losses);
/* Does the same for an encoder, whose hidden states are followed not by a loss but by their
 * gradient dhidden [tokens, D], which the decoder's last backward has left. */
cadre_status transformer_backward_from(
    transformer *t, const model_weights *w, model_gradients *g, const real *dhidden);
const real *transformer_encoder_gradient(const transformer *t);

/* ---- a stage of a pipeline ---- */

cadre_status transformer_new_stage(compute *c, const model_config *config, const batch_limits *most,
    const transformer_stage *stage, transformer **t);
/* Does the same for a rank whose config has its own heads alone (weights/rank_share.h). Every rank
 * of the groups takes the same batches, and has all hidden states. */
cadre_status transformer_new_share(compute *c, const model_config *config, const batch_limits *most,
    const transformer_stage *stage, const transformer_ranks *ranks, transformer **t);
size_t transformer_stage_bytes(const compute *c, const model_config *config,
    const batch_limits *most, const transformer_stage *stage, const transformer_ranks *ranks);

/* Makes the calls that follow be for pass i of the stage; at first they are for pass 0. */
void transformer_select_pass(transformer *t, int i);

/* [T, D] the residual at the beginning of the stage, which the caller fills in before forward
 * unless the stage has layer 0. After forward it is that at the end. */
real *transformer_entry(transformer *t);
const real *transformer_exit(const transformer *t);
/* [T, D] the gradient by the residual at the end of the stage, which the caller fills in before
 * backward unless the stage has the last layer. After backward it is that at the beginning. */
real *transformer_gradient(transformer *t);

#endif
