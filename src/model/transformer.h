/* transformer.h - a whole stack of blocks on a batch of tokens: embedding, blocks, last norm, loss; forward and backward.
 *
 *     x      = embedding of the inputs
 *     x     += attention_layer(norm(x));  x += ffn(norm(x))        for every block; the ffn is dense or a sparse layer
 *     (between the two, in a decoder that has an encoder: x += attention to the encoder's output)
 *     hidden = norm(x);  logits = hidden head^T
 *
 * One code path for training and inference. All memory is laid out once for the largest batch: a state a layer when training,
 * one state for all layers otherwise. */
#ifndef CADRE_MODEL_TRANSFORMER_H
#define CADRE_MODEL_TRANSFORMER_H

#include "model/attention_layer.h"

/* The largest batch. keys: the most tokens that one sequence will hold, its past included. */
typedef struct transformer_extent {
    int64_t tokens, sequences, keys;
    bool training;
    int64_t memory; /* tokens of an encoder's output; 0: the model has no encoder */
} transformer_extent;

typedef struct transformer transformer;

/* moe: [layers], rows of dense layers unused; copied. Borrows c and config. */
cadre_status transformer_new(compute *c, const model_config *config, const moe_config *moe, transformer_extent most,
                             transformer **t);
void transformer_free(transformer *t);
size_t transformer_bytes(const compute *c, const model_config *config, const moe_config *moe, transformer_extent most);

/* A batch: sequences one after another, `start` [sequences + 1] of them, continuing `caches` or, where NULL, each beginning here.
 */
typedef struct transformer_batch {
    const int32_t *inputs; /* [tokens] */
    int64_t tokens, sequences;
    const int64_t *start;
    kv_cache *const *caches;
    const real *memory;          /* [M, D] an encoder's output; NULL: the model has no encoder */
    const int64_t *memory_start; /* [sequences + 1] */
    router_random random;  /* .layer is filled in */
    balance *balance;      /* NULL: none */
} transformer_batch;

/* After each sparse layer of a forward: its plan, of the tokens of this batch. */
typedef void (*transformer_watch)(void *arg, int64_t layer, const plan *p);

/* Leaves the normed hidden states, and when training what backward needs. Moves the caches on. */
void transformer_forward(transformer *t, const model_weights *w, const transformer_batch *b, transformer_watch watch, void *arg);
const real *transformer_hidden(const transformer *t); /* [tokens, D] of the last forward */

/* logits [rows, V] of tokens first .. first + rows - 1 of the last forward. */
void transformer_logits(transformer *t, const model_weights *w, int64_t first, int64_t rows, real *logits);

/* losses [tokens] of the last forward, a target of -1 counting nothing. */
void transformer_losses(transformer *t, const model_weights *w, const int32_t *targets, real *losses);

/* After a training forward (and balance_finish): the losses, and gradients of scale * their sum and of the balance's terms. Dense
 * gradients are added to; those of sparse layers are too if `accumulate`, else overwritten. */
void transformer_backward(transformer *t, const model_weights *w, model_gradients *g, const transformer_batch *b,
                          const int32_t *targets, real scale, bool accumulate, real *losses);

#endif
