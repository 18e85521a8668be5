/* layer.h - a sparse layer: route, dispatch, compute, combine, and the same backwards. One code
 * path for training and inference, for one pick or many, dropless or with capacity.
 *
 * x [T, D] is the layer's input, already normalised; y [T, D] its output, without the residual. The
 * layer allocates nothing: state (what forward leaves for backward, one a layer) and scratch
 * (shared by all layers) are laid out once for the largest batch. Results do not depend on the
 * number of threads; without capacity, a token's do not depend on the tokens beside it. */
#ifndef CADRE_MOE_LAYER_H
#define CADRE_MOE_LAYER_H

#include "base/memory.h"
#include "base/status.h"
#include "kernel/compute.h"
#include "moe/balance.h"
#include "moe/dispatch.h"
#include "moe/experts.h"
#include "moe/plan.h"
#include "moe/router.h"

enum { MOE_MAX_WIDTH = 1 << 20 };

typedef struct moe_config {
    int64_t width;         /* D */
    int64_t hidden;        /* H of one expert */
    int32_t experts;       /* E */
    const router *router;  /* a row of THE LIST */
    router_options route;  /* .topk is K */
    const char *form;      /* "swiglu" ...: the name of a row_activation; static */
    real limit;            /* gpt-oss: the clamp; 0: none */
    bool expert_bias;      /* experts have biases */
    bool router_bias;      /* the router has a linear bias */
    int64_t shared;        /* hidden width of the shared expert; 0: none */
    bool shared_gated;     /* its output times sigmoid(w . x) (Qwen2-MoE) */
    double expert_dropout; /* on hidden activations, in training */
    dispatch_options dispatch;
} moe_config;

/* Zeros but for what has no zero default: the router's own defaults, a capacity factor of 1 with no
 * limit. r: not NULL; who has a name looks it up first. */
void moe_config_init(
    moe_config *c, const router *r, int64_t width, int64_t hidden, int32_t experts, int32_t topk);

/* Checks everything that must hold between the settings; the refusal names `where`. */
cadre_status moe_config_check(const moe_config *c, const char *where);

int moe_config_inputs(const moe_config *c); /* of the form: 1, or 2 with gate and up */

typedef struct moe_weights {
    router_weights router;
    expert_weights experts;
    weight shared_gate, shared_up, shared_down; /* [Hs, D], [Hs, D], [D, Hs] */
    bool shared_joined;                         /* as in expert_weights */
    weight shared_expert_gate;                  /* [1, D] of a shared-expert gate */
} moe_weights;

typedef struct moe_gradients {
    router_gradients router;
    expert_gradients experts;
    real *shared_gate, *shared_up, *shared_down; /* NULL where there is no shared expert */
    bool shared_joined;                          /* as in expert_gradients */
    real *shared_expert_gate;                    /* [D] NULL where it is not gated */
    bool accumulate; /* the next backward adds to what is there; else it writes */
} moe_gradients;

/* What one layer's forward leaves for its backward. */
typedef struct moe_state {
    const real *x; /* [T, D] the layer's input; borrowed */
    plan plan;
    router_state router;
    real *pre;                /* [R, inputs * H] the experts' pre-activations */
    real *shared_pre;         /* [T, inputs * Hs]; NULL: no shared expert */
    real *shared_expert_gate; /* [T] sigmoid(w . x); NULL: not gated */
} moe_state;

void moe_state_layout(moe_state *s, arena *a, const moe_config *c, const batch_limits *most);
/* SIZE_MAX: does not fit the address space */
size_t moe_state_bytes(const moe_config *c, const batch_limits *most);
size_t moe_scratch_bytes(const moe_config *c, const batch_limits *most);

/* What a call works with. scratch: at least moe_scratch_bytes of the layer, CADRE_ALIGN-aligned,
 * contents of no value afterwards.
 * */
typedef struct moe_call {
    compute *compute;
    const token_batch *batch; /* .random.train: noise, jitter, dropout and capacity are on */
    void *scratch;
    size_t scratch_bytes;
    balance *balance;  /* NULL: evaluation, no losses and no counts */
    int balance_layer; /* index of this layer in the balance */
    int32_t layer;     /* its number in the model, for random numbers and the source */
    /* Of the routed experts' weights; NULL, as always in training: they are readable as they are */
    expert_source *source;
} moe_call;

/* y = layer(x). x must stay as it is until backward. Fails where the source of experts does. */
cadre_status moe_layer_forward(const moe_call *call, const moe_config *c, const moe_weights *w,
    const real *x /* [T, D] */, moe_state *s, real *y /* [T, D] */);

/* dx = gradient by x, that of forward; those of the weights go to g. Spends s: what forward left is
 * overwritten, and the plan alone stays readable. */
void moe_layer_backward(const moe_call *call, const moe_config *c, const moe_weights *w,
    moe_state *s, const real *dy /* [T, D] */, real *dx /* [T, D] */, moe_gradients *g);

#endif
