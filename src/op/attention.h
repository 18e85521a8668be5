/* attention.h - grouped-query causal attention over keys and values that lie in blocks.
 *
 * Training and inference share it: a training sequence is a cache of one block, and its queries
 * start at position 0. All scores of a query exist before its softmax (there is no running softmax
 * as in FlashAttention), so that a query's result does not depend on which others are computed with
 * it: prefill in one go equals prefill token by token, bit for bit. The forward pass keeps one
 * value for each query and head, the logarithm of the softmax's sum, and the backward pass computes
 * the probabilities from it again.
 *
 * Options: a sliding window (a query at position p sees keys p - W + 1 .. p); attention sinks, a
 * logit for each head that joins the softmax and has no key (gpt-oss); a soft cap on scores (Grok);
 * a bias by distance and bidirectional attention (T5). Keys and values may differ in width (latent
 * attention). */
#ifndef CADRE_OP_ATTENTION_H
#define CADRE_OP_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/real.h"
#include "kernel/compute.h"
#include "kernel/number.h"
#include "op/leaves.h"

typedef struct attention {
    int64_t heads, kv_heads; /* query head h reads key-value head h / (heads / kv_heads) */
    int64_t key_width, value_width;
    real scale;     /* of q.k */
    real softcap;   /* scores become cap tanh(score / cap); 0: none */
    int64_t window; /* keys that a query sees, its own included; 0: all up to its own */
    /* A query sees every key of its sequence, those after it too */
    bool bidirectional;
    /* Added to the score of query position i and key position j:
     * bias[head * bias_span + bias_zero + j - i]. NULL: no bias */
    const real *bias;
    real *dbias; /* as bias [heads, bias_span]; NULL: not trained */
    int64_t bias_span, bias_zero;
    const real *sinks;       /* [heads], or NULL */
    real *dsinks;            /* [heads], or NULL: not trained */
    bool accumulate;         /* dsinks and dbias are added to; else written */
    const leaf_list *leaves; /* how dsinks are summed; NULL: in one chain */
} attention;

/* Keys and values of one sequence. In elements of the format, element i of key p of head h is
 * keys[p / block][h * key_head + p % block * key_stride + i], or where keys are columns,
 * keys[p / block][h * key_head + i * key_stride + p % block]. Values are never columns. */
typedef struct kv_view {
    const void *const *keys, *const *values; /* [blocks] */
    int64_t block;                           /* keys a block holds */
    int64_t key_stride, key_head, value_stride, value_head;
    bool key_columns;
    const number_format *format; /* NULL: real */
} kv_view;

typedef struct attention_sequence {
    int64_t queries, first; /* query i stands at position first + i and sees keys up to its own */
    int64_t keys;           /* bidirectional: how many there are */
    const real *q;          /* [queries, heads * key_width] */
    int64_t q_stride;
    kv_view kv; /* holds first + queries keys */
    real *out;  /* [queries, heads * value_width] */
    int64_t out_stride;
    real *log_sum; /* [queries, heads] for the backward pass; NULL: not wanted */
} attention_sequence;

/* Gradients of a training sequence: its keys in one block, `first` 0. */
typedef struct attention_gradient {
    const real *dout; /* as out */
    real *dq;         /* as q */
    real *dk, *dv;    /* as kv.keys[0] and kv.values[0], with their strides */
} attention_gradient;

/* The workers' scratch memory, taken from an arena once. `keys` is the most that a sequence will
 * hold, `tokens` the most queries of one backward call (0: forward only). */
typedef struct attention_scratch {
    int64_t keys;   /* the most that the rows of a block see */
    int64_t scores; /* of a worker: those of a block of queries */
    int64_t stride; /* elements of a worker */
    real *own;      /* [workers, stride] */
    real *delta;    /* [tokens, heads] */
} attention_scratch;

attention_scratch attention_scratch_take(
    arena *a, const attention *shape, int workers, int64_t keys, int64_t tokens);

void attention_forward(compute *c, const attention *a, const attention_sequence *sequences,
    int64_t count, const attention_scratch *scratch);

/* Writes dq, dk and dv; dsinks and dbias (+)= their gradients, in token order. */
void attention_backward(compute *c, const attention *a, const attention_sequence *sequences,
    const attention_gradient *gradients, int64_t count, const attention_scratch *scratch);

#endif
