/* delta_rule.h - the gated delta rule (Yang, Kautz and Hatamizadeh 2024), and with a decay for each
 * row (Kimi Team 2025): attention without a list of keys. Each head has a state S [K, V], which is
 * 0 before a sequence's first token and maps a key to a value. For every token, with q and k of
 * length 1, q also divided by sqrt(K):
 *
 *     S  = a S                       forget; a in [0, 1] is one number, or one for each row
 *     d  = beta (v - S^T k)          the value for k less the one that S maps it to
 *     S  = S + k d^T
 *     o  = S^T q
 *
 * Tokens are taken one after another, also where many are there at once: then the bits of a prompt
 * are those of its tokens one by one. Workers share sequences and heads. Values' heads may be a
 * multiple of keys' heads: value head h reads key head h / (heads / key_heads).
 *
 * Backward goes from the last token to the first, with dS, the gradient by S after a token:
 *
 *     dS += q do^T        dq = S do
 *     dk  = dS d          dd = dS^T k         dv = beta dd      dbeta = dd (v - S'^T k)
 *     dS' = dS - k (beta dd)^T                dk -= S' (beta dd)
 *     da  = the sum of dS' S''                dS'' = a dS'
 *
 * in which S' is the state before k was written to it and S'' the one of the token before. States
 * are computed again, from every CHECKPOINT-th, which is kept. */
#ifndef CADRE_OP_DELTA_RULE_H
#define CADRE_OP_DELTA_RULE_H

#include "base/memory.h"
#include "kernel/compute.h"
#include "kernel/rows.h"
#include "op/batch.h"
#include "op/strided.h"

enum { DELTA_RULE_WIDEST = 1024 }; /* K and V at most */

typedef struct delta_rule {
    int64_t heads, key_heads;      /* heads is a multiple of key_heads */
    int64_t key_dim, value_dim;    /* K, V */
    bool tiled;                    /* value head h reads key head h modulo key_heads instead */
    bool by_row;                   /* a decay for each row of the state */
    real *q, *k;                   /* kept: those of length 1 [T, key_heads K] */
    real *q_inverse, *k_inverse;   /* kept: what they were multiplied with [T, key_heads] */
    real *gain;                    /* workspace: of q and of k [2, K] */
    real *dq, *dk;                 /* workspace, in training: by .q and .k */
    real *scratch;                 /* workspace: [workers, worker_elements] */
    int64_t worker_elements, most; /* most: tokens of a sequence */
} delta_rule;

/* q, k [T, key_heads K], v [T, heads V], decay [T, heads], or [T, heads K] by row, beta [T,
 * heads] */
typedef struct delta_inputs {
    strided_in q, k, v, decay, beta;
} delta_inputs;

typedef struct delta_gradients {
    strided_out q, k, v, decay, beta; /* written, not added to */
} delta_gradients;

/* The elements of a sequence's state [heads, K, V] */
static inline int64_t delta_rule_state(const delta_rule *r)
{
    return r->heads * r->key_dim * r->value_dim;
}

void delta_rule_lay_kept(delta_rule *r, arena *a, const batch_limits *most);
void delta_rule_lay_workspace(delta_rule *r, arena *a, const batch_limits *most, int workers);

/* o [T, heads V]. before, after [B]: each sequence's states, which may be the same; before NULL, or
 * before[i] NULL: zeros. after NULL: they are not wanted. */
void delta_rule_forward(const compute *c, const delta_rule *r, const token_batch *b,
    const delta_inputs *in, const real *const *before, real *const *after, strided_out o);
/* After forward on the same batch, of which no sequence had a past */
void delta_rule_backward(const compute *c, const delta_rule *r, const token_batch *b,
    const delta_inputs *in, strided_in dout, const delta_gradients *out);

#endif
