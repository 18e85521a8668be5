/* router.h - THE LIST of routers: one row, one file moe/router_X.c each.
 *
 * A router turns a token's logits z = W x (+ b) into scores, takes picks by a selection key, and gives the picks weights.
 * A row says how, for one token: select, weigh, and the gradient of both. Picks are constants to the gradient, which flows through
 * the weights, and through the scores where a balancing loss asks. Between select and weigh a capacity limit may
 * send picks elsewhere. Everything is computed in `real` (fp32), whatever the weights' format.
 *
 * Always: K picks are K distinct ids within range, whatever the logits are (a NaN key is the lowest); equal keys go to the
 * lower index; a correction bias takes part in selection, never in the weight, and has no gradient. */
#ifndef CADRE_MOE_ROUTER_H
#define CADRE_MOE_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernel/compute.h"
#include "kernel/rows.h"
#include "kernel/weight.h"
#include "moe/plan.h"

struct cadre_option;

typedef enum group_score { GROUP_MAX, GROUP_TOP2 } group_score;       /* DeepSeek-V2; DeepSeek-V3: sum of the two largest */
typedef enum group_mask { GROUP_MASK_INF, GROUP_MASK_ZERO } group_mask; /* of groups left out: -inf; 0.0 as transformers has it */

/* The numbers that routers read. Each row's table says which ones it understands; router_defaults fills all. */
typedef struct router_options {
    int32_t topk;            /* K; for top-p the most picks */
    int32_t groups;          /* experts lie in so many equal, contiguous groups ... */
    int32_t groups_used;     /* ... of which picks come from so many; equal to groups: no limit */
    group_score group_score;
    group_mask group_mask;
    bool renormalise;        /* softmax-bias: weights sum to `scale` */
    real scale;              /* routed scaling factor: every weight times it */
    real norm_eps;           /* added to the sum that weights are divided by */
    real top_p;              /* top-p: picks until their scores' sum first exceeds it */
    real noise_floor;        /* noisy-topk: added to softplus(W_noise x) */
    real jitter;             /* the router sees x * U(1 - jitter, 1 + jitter), in training */
    bool jitter_experts;     /* so do the experts (transformers' Mixtral) */
    bool survivors;          /* renormalising routers divide by the sum over the picks that capacity left */
} router_options;

enum router_trait {
    ROUTER_CORRECTION = 1 << 0,  /* has a correction bias on selection */
    ROUTER_NOISE = 1 << 1,       /* has noise weights, and the smooth load estimate that they allow */
    ROUTER_INDEPENDENT = 1 << 2, /* scores do not sum to 1: balancing losses normalise them per token */
    ROUTER_RENORMALISES = 1 << 3, /* weights of a token sum to `scale`: a single pick has no gradient */
    ROUTER_VARIABLE = 1 << 4,    /* the number of picks differs from token to token */
};

/* One token, as the functions of a row see it. */
typedef struct router_token {
    const router_options *options;
    const row_kernels *rows;
    int32_t experts;
    const real *logits;     /* [E] z */
    real *score;            /* [E] p or s: what priorities, balancing losses and metrics read */
    const real *correction; /* [E], NULL: none */
    const real *noise;      /* [E] standard normal numbers; NULL: evaluation, no noise */
    const real *noise_logits; /* [E] W_noise x; NULL where there is none */
    real *noisy;            /* [E] z + noise * (softplus(noise_logits) + floor); NULL where there is no noise */
    real *key;              /* [E] scratch: what picks are taken by */
    gexp *pick;             /* [K] */
    real *weight;           /* [K] */
    const int32_t *slot;    /* [K] after dispatch, for `survivors`; NULL: every pick counts */
} router_token;

/* What flows back into one token's routing, and what comes of it. */
typedef struct router_flow {
    const real *dweight; /* [K] */
    real *dprobability;  /* [E] of balancing losses, by the score normalised to sum 1; the callee may overwrite it */
    const real *dload;   /* [E] of the smooth load estimate; NULL: none */
    real *dlogits;       /* [E] += */
    real *dnoise_logits; /* [E] +=; NULL where there is no noise */
} router_flow;

typedef struct router {
    const char *name; /* as --router takes it */
    const char *help;
    uint32_t traits;
    const struct cadre_option *options; /* the router_options it understands, with bounds and help */
    int option_count;
    void (*defaults)(router_options *o); /* what differs from router_defaults' own; NULL: nothing */
    void (*select)(const router_token *t);                          /* logits -> score, (noisy), key, pick */
    void (*weigh)(const router_token *t);                           /* score, pick -> weight */
    void (*backward)(const router_token *t, const router_flow *flow); /* weight and score -> logits */
    void (*smooth_load)(const router_token *t, real *load);         /* [E] P(e is picked again under fresh noise); or NULL */
} router;

const router *const *router_list(int *count);
const router *router_by_name(const char *name); /* NULL: unknown */

void router_defaults(const router *r, int32_t topk, router_options *o);
cadre_status router_check(const router *r, const router_options *o, int64_t experts, const char *where);

/* Renormalised weights of a single pick are the constant `scale`: the router learns nothing from the experts. */
bool router_learns_nothing(const router *r, const router_options *o);

/* ---- a batch of tokens through one router ---- */

typedef struct router_weights {
    weight matrix;          /* [E, D] */
    const real *bias;       /* [E] linear bias (gpt-oss), NULL: none */
    const real *correction; /* [E] selection bias, NULL: none */
    weight noise;           /* [E, D] of noisy-topk; .data NULL: none */
} router_weights;

typedef struct router_gradients {
    real *matrix; /* [E, D] */
    real *bias;   /* [E], NULL where there is none */
    real *noise;  /* [E, D], NULL where there is none */
} router_gradients;

/* Where random numbers come from: functions of the run's seed, the step, the layer and the token's place in the step. */
typedef struct router_random {
    bool train;          /* false: no noise, no jitter, no dropout */
    uint64_t seed, step;
    int32_t layer;
    int64_t first_token; /* place of the batch's token 0 among all tokens of the optimiser step */
} router_random;

/* What forward leaves for backward, the balancing losses and the metrics. */
typedef struct router_state {
    real *logits;       /* [T, E] */
    real *score;        /* [T, E] */
    real *noise_logits; /* [T, E], NULL: no noise weights */
    real *noisy;        /* [T, E], likewise */
    real *jittered;     /* [T, D] x * jitter; NULL: no jitter */
} router_state;

void router_state_layout(router_state *s, arena *a, const router *r, const router_options *o, int64_t tokens, int64_t width,
                         int64_t experts);

#endif
