/* transformer_state.h - what a transformer consists of: the states of its blocks, the passes in
 * flight, and the memory that all of them share. Only the files that work in it include it. */
#ifndef CADRE_MODEL_TRANSFORMER_STATE_H
#define CADRE_MODEL_TRANSFORMER_STATE_H

#include "model/transformer.h"
#include "op/ffn.h"
#include "op/loss.h"

/* What a block's forward leaves for its backward */
typedef struct block_state {
    real *x, *x_normed,
        *x_inverse; /* [T, D], [T, D], [T]: the residual at its beginning, and its norm */
    real *y, *y_normed, *y_inverse; /* the same between the two halves */
    real *z, *z_normed, *z_inverse; /* before attention to an encoder; NULL: there is none */
    /* What a half gives before the norm behind it, [T, D] and [T]; NULL: there is none, or forward
     * only */
    real *mixed, *mixed_inverse, *fed, *fed_inverse;
    /* [T, D] each of a layer whose experts have a dense feed-forward beside them: what the router
     * reads, what the experts read, and what the dense one gives; NULL: it has none */
    real *routed, *expert_in, *beside;
    real *squashed;      /* [T, D] sigmoid of the sparse layer's output; NULL: none */
    void *mixer, *cross; /* laid out by the layer's mixers */
    size_t mixer_bytes, cross_bytes;
    ffn_state dense;
    moe_state sparse;
} block_state;

/* A batch between its forward and its backward */
typedef struct pass {
    block_state *blocks; /* [layers of the stage] */
    real *end;           /* [T, D] the residual after the stage's last block; after the model's, */
    real *hidden, *end_inverse; /* [T, D], [T] its norm */
    int32_t *places;            /* [T] in their sequences */
    int32_t *types;             /* [T] of the tokens; NULL: the model knows none */
    /* [T, E] of the last sparse layer's router, forward only; NULL: none reads them */
    real *logits;
    token_batch batch;
    balance *balance; /* the balance in which it counts */
} pass;

struct transformer {
    compute *c;
    const model_config *config;
    transformer_stage stage;
    batch_limits most;
    rope *rope, *window_rope; /* window_rope: of layers with a window; NULL: as the others */
    arena arena;
    mixer_positions positions;
    real *bias;      /* [heads, 2 * keys] of the positions; NULL: none */
    real *dbias;     /* [layers of the stage, heads, 2 * keys]; NULL: forward only */
    void *workspace; /* for mixers */
    size_t workspace_bytes;
    pass *passes; /* [stage.passes] */
    pass *now;    /* the pass that calls are for */
    /* With batch_limits.recompute: the block whose forward was the last, so that it needs no other
     * before its backward; NULL: none. And whether a forward is one that is computed again. */
    const block_state *last_forward;
    bool recomputes;
    real *dx, *dnormed; /* [T, D] gradients; NULL: forward only */
    /* [T, D] the gradient by what a half of a block adds to the residual: scaled, or dx itself */
    real *dhalf;
    real *dencoder;           /* [M, D] the gradient by the encoder's output; NULL: there is none */
    const real *loss_weights; /* of the next backward pass; NULL: 1 each */
    real *dlogits; /* [T, E] the gradient by a sparse layer's logits from the next one; or NULL */
    int32_t *all_inputs; /* of all ranks that divide a batch */
    real *all_dx;        /* [T, D] theirs; NULL: there is one rank, or it has no embedding */
    void *moe_scratch;
    size_t moe_scratch_bytes;
    loss_scratch loss;
    column_gather tensor; /* .ranks NULL: there are none */
    comm *owners;
    const expert_spread *placed; /* [layers]; NULL: owners have runs of experts */
};

/* What layers get of the ranks that have the other slices */
static inline const column_gather *transformer_tensor(const transformer *t)
{
    return t->tensor.ranks ? &t->tensor : NULL;
}

static inline block_state *transformer_block(const transformer *t, int64_t l)
{
    return &t->now->blocks[l - t->stage.first];
}

static inline bool transformer_is_last(const transformer *t)
{
    return t->stage.end == t->config->layers;
}

static inline bool transformer_squashes(const transformer *t, int64_t l)
{
    return t->config->expert_sigmoid && t->config->layer[l].sparse;
}

#endif
