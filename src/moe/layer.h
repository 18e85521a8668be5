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
#include "moe/exchange.h"
#include "moe/experts.h"
#include "moe/plan.h"
#include "moe/router.h"
#include "moe/spread.h"

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
    /* Experts without weights: the last of the E, in this order */
    int32_t constants, copies, zeros;
    real input_scale;    /* experts read x times it; 1 */
    estimator estimator; /* of the router's gradient */
    int64_t latent;      /* L: routed experts act in so many dimensions; 0: in D */
    int64_t residual;    /* hidden width of an expert beside the routed ones (PR-MoE); 0: none */
    token_types types;   /* of banks, and of losses by type */
    int64_t bank_hidden[ROUTER_MAX_TYPES]; /* H of each bank's experts; zeros: all are `hidden` */
    double tau;                  /* loss heterogeneous: what experts without weights count */
    balance_coefficients losses; /* of this layer, in training */
} moe_config;

balance_layer moe_balance_layer(const moe_config *c); /* what the balance must know of it */

int32_t moe_config_weightless(const moe_config *c);  /* constants + copies + zeros */
int32_t moe_config_most_picks(const moe_config *c);  /* of one token */
int32_t moe_config_usual_picks(const moe_config *c); /* K where their number varies */
int32_t moe_config_weighted(const moe_config *c);    /* the others: E less these */
/* Rows of all experts together that so many tokens can have */
int64_t moe_config_most_rows(const moe_config *c, int64_t tokens, int64_t sequences);
bool moe_config_has_lookahead(const moe_config *c); /* a token's routes read those behind it */
int64_t moe_config_bank_hidden(const moe_config *c, int32_t bank);
bool moe_config_has_bank_widths(const moe_config *c); /* weights are listed bank by bank */

/* The experts whose matrices have one shape: all of the layer, or those of one bank. */
typedef struct moe_bank {
    int32_t index, first, count;
} moe_bank;
moe_bank moe_config_bank_of(const moe_config *c, int32_t expert);

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
    weight shared_gate_proj, shared_up, shared_down; /* [Hs, D], [Hs, D], [D, Hs] */
    bool shared_joined;                              /* as in expert_weights */
    weight shared_expert_gate;                       /* [1, D] of a shared-expert gate */
    const expert_weights *bank;    /* [banks] in place of `experts`; NULL: there are none */
    weight latent_down, latent_up; /* [L, D], [D, L] */
    weight residual_gate, residual_up, residual_down; /* as the shared expert's */
    bool residual_joined;
    weight coefficient;           /* [2, D] */
    const real *coefficient_bias; /* [2] */
    const real *constant_weight;  /* [constants, 2, D] */
    const real *constant_value;   /* [constants, D] */
    const real *omega;            /* [D] sparsemixer-1: of the routed experts' sum */
} moe_weights;

typedef struct moe_gradients {
    router_gradients router;
    expert_gradients experts;
    real *shared_gate_proj, *shared_up, *shared_down; /* NULL where there is no shared expert */
    bool shared_joined;                               /* as in expert_gradients */
    real *shared_expert_gate;                         /* [D] NULL where it is not gated */
    const expert_gradients *bank;                     /* as in moe_weights, as are the following */
    real *latent_down, *latent_up;
    real *residual_gate, *residual_up, *residual_down;
    bool residual_joined;
    real *coefficient, *coefficient_bias;
    real *constant_weight, *constant_value;
    real *omega;
    bool accumulate; /* the next backward adds to what is there; else it writes */
} moe_gradients;

/* What one layer's forward keeps for its backward. */
typedef struct moe_state {
    const real *x; /* [T, D] the layer's input; borrowed */
    plan plan;
    router_state router;
    real *pre;                /* [R, inputs * H] the experts' pre-activations */
    real *shared_pre;         /* [T, inputs * Hs]; NULL: no shared expert */
    real *shared_expert_gate; /* [T] sigmoid(w . x); NULL: not gated */
    int64_t most_rows;        /* that there is room for */
    real *input_rows;         /* [R, W] what experts read; NULL: the tokens themselves */
    real *out_rows;           /* [R, W] the experts' outputs; NULL: they are not kept */
    real *latent;             /* [T, L] x V^T; NULL: experts act in D */
    real *sparse;             /* [T, W] the routed experts' sum; NULL: nothing follows it */
    real *residual_pre, *residual, *coefficient; /* [T, inputs * Hr], [T, D], [T, 2] */
    exchange exchange;                           /* of a batch that ranks divide */
} moe_state;

void moe_state_layout(moe_state *s, arena *a, const moe_config *c, const batch_limits *most);
/* Its two halves: the routing, of which the end of a step and other layers read, and what the
 * layer's own backward alone reads */
void moe_state_layout_routing(
    moe_state *s, arena *a, const moe_config *c, const batch_limits *most);
void moe_state_layout_rows(moe_state *s, arena *a, const moe_config *c, const batch_limits *most);
/* SIZE_MAX: does not fit the address space */
size_t moe_state_bytes(const moe_config *c, const batch_limits *most);
size_t moe_scratch_bytes(const moe_config *c, const batch_limits *most);

/* What a call works with. scratch: at least moe_scratch_bytes of the layer, CADRE_ALIGN-aligned;
 * its contents have no meaning after the call. */
typedef struct moe_call {
    compute *compute;
    const token_batch *batch; /* .random.train: noise, jitter, dropout and capacity are on */
    void *scratch;
    size_t scratch_bytes;
    balance *balance;          /* NULL: evaluation, no losses and no counts */
    int balance_layer;         /* index of this layer in the balance */
    int32_t layer;             /* its number in the model, for random numbers and the source */
    const real *router_input;  /* [T, D] what the router reads; NULL: x. Forward only */
    const real *logits_before; /* [T, E] of the sparse layer before; NULL: none */
    real *dlogits_before;      /* [T, E] of backward, written; NULL: not wanted */
    /* [T, E] the gradient by this layer's logits from the sparse layer behind, which read them; it
     * may be dlogits_before itself; NULL: none */
    const real *dlogits_after;
    /* Makes the routed experts' weights readable before they are used; NULL, as always in training:
     * they are readable as they are */
    expert_source *source;
    /* Both join the ranks that divide the experts, as in an expert_pass, forward only; NULL: this
     * one has all */
    const column_gather *tensor;
    comm *owners;
    const expert_spread *placed; /* where the owners' experts are; NULL: in runs of neighbours */
} moe_call;

/* y = layer(x). x must stay as it is until backward. Fails where the source of experts does. */
cadre_status moe_layer_forward(const moe_call *call, const moe_config *c, const moe_weights *w,
    const real *x /* [T, D] */, moe_state *s, real *y /* [T, D] */);

/* Call it after the optimiser step whose last forward filled s. It updates the states among the
 * router's own parameters (their values, in the order of router_parameters). */
void moe_layer_end_step(const moe_config *c, moe_state *s, real *const *own);

/* dx = gradient by x, that of forward; those of the weights go to g. Spends s: what forward left is
 * overwritten, and the plan alone stays readable. */
void moe_layer_backward(const moe_call *call, const moe_config *c, const moe_weights *w,
    moe_state *s, const real *dy /* [T, D] */, real *dx /* [T, D] */, moe_gradients *g);

#endif
