/* attention_layer.h - the attention half of a block between its norm and the residual: projections,
 * norms of queries and keys, rotary positions, attention, output projection; forward and backward,
 * grouped-query or latent.
 *
 * One code path serves training, where a sequence's own tokens are all its keys, and inference,
 * where keys are appended to a cache. */
#ifndef CADRE_MODEL_ATTENTION_LAYER_H
#define CADRE_MODEL_ATTENTION_LAYER_H

#include "base/memory.h"
#include "kernel/gemm.h"
#include "model/cache.h"
#include "op/attention.h"
#include "op/batch.h"
#include "op/linear.h"
#include "op/norm.h"
#include "op/rope.h"
#include "weights/weights.h"

/* What all layers share; scratch is of no value between calls. */
typedef struct attention_env {
    compute *compute;
    const model_config *config;
    /* Latent attention without a backward pass: keys stay compressed */
    bool absorbed;
    /* As the products see it; a layer's own window and sinks are filled in */
    attention shape;
    rope *rope;     /* borrowed; NULL: positions are a bias of scores */
    int64_t tokens; /* most of a batch */
    real *bias;     /* [heads, 2 * keys] */
    real *cross_q, *cross_out, *cross_k, *cross_v; /* NULL: no cross attention */
    attention_scratch scratch;
    attention_sequence *sequences;     /* [most sequences] */
    attention_gradient *gradients;     /* [most sequences]; NULL: forward only */
    const real **keys, **values;       /* [most sequences] */
    gemm_group *groups;                /* [heads] of the absorbed form */
    real *dq, *dk, *dkv, *dout, *dlow; /* gradients' temporaries; NULL: forward only */
} attention_env;

/* What forward leaves for backward. */
typedef struct attention_state {
    /* As attention reads them; kv: values (grouped) or [nope | value] heads (latent) */
    real *q, *k, *kv;
    /* Before their norms, or in the file's order, or (absorbed) expanded; NULL where they are
     * not */
    real *q_raw, *k_raw;
    real *q_inverse, *k_inverse;
    real *out, *log_sum;
    real *out_heads; /* absorbed: values of the heads, made of `out`; else NULL */
    real *q_low, *q_low_normed, *q_low_inverse; /* latent, with q_lora */
    /* latent: [latent | rotary key]; normed latent */
    real *kv_low, *kv_low_normed, *kv_low_inverse;
} attention_state;

void attention_state_layout(
    attention_state *s, arena *a, const model_config *c, int64_t tokens, bool training);

void attention_env_layout(
    attention_env *e, arena *a, const model_config *c, int workers, const batch_limits *most);
void attention_cross_layout(
    attention_env *e, arena *a, const model_config *c, int64_t encoder_tokens);

/* Positions' bias, once a batch, from the model's table. */
void attention_env_begin(const attention_env *e, const weight *relative);

void attention_layer_forward(const attention_env *e, const layer_weights *w, int64_t layer,
    const token_batch *b, const real *x, attention_state *s, real *y);
/* y = attention of x to the encoder's output */
void attention_cross_forward(
    const attention_env *e, const layer_weights *w, const token_batch *b, const real *x, real *y);

/* dx is written. */
void attention_layer_backward(const attention_env *e, const layer_weights *w,
    const layer_gradients *g, int64_t layer, const token_batch *b, const real *x,
    attention_state *s, const real *dy, real *dx);

/* ---- the kinds, each in its own file: everything before and after attention itself ---- */

typedef struct attention_parts {
    void (*project)(const attention_env *e, const layer_weights *w, const token_batch *b,
        const real *x, attention_state *s);
    /* NULL: nothing */
    void (*finish)(
        const attention_env *e, const layer_weights *w, const token_batch *b, attention_state *s);
    /* dq, dk and dkv of e to dx; NULL: has none */
    void (*project_backward)(const attention_env *e, const layer_weights *w,
        const layer_gradients *g, const token_batch *b, const real *x, attention_state *s,
        real *dx);
} attention_parts;

extern const attention_parts attention_grouped, attention_latent, attention_absorbed;

/* Latent attention's queries in q [T, heads * (nope + rope)], their rope parts turned. */
void attention_latent_queries(const attention_env *e, const layer_weights *w, const token_batch *b,
    const real *x, attention_state *s, real *q);

static inline linear linear_of(const layer_weights *w, const layer_gradients *g, param_role role)
{
    return (linear){
        .w = w->role[role], .dw = g ? g->role[role] : NULL, .accumulate = g && g->accumulate
    };
}

static inline linear linear_with_bias(
    const layer_weights *w, const layer_gradients *g, param_role role, param_role bias)
{
    return (linear){ .w = w->role[role],
        .bias = w->role[bias].data,
        .dw = g ? g->role[role] : NULL,
        .dbias = g ? g->role[bias] : NULL,
        .accumulate = g && g->accumulate };
}

static inline norm norm_of(
    const layer_weights *w, const layer_gradients *g, param_role role, int64_t heads, double eps)
{
    const weight *gain = &w->role[role];
    return (norm){ .heads = heads,
        .width = gain->cols,
        .gain = gain->data,
        .dgain = g ? g->role[role] : NULL,
        .eps = (real)eps,
        .accumulate = g && g->accumulate };
}

#endif
