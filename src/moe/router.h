/* router.h - THE LIST of routers: each has an entry, in a file moe/router_X.c.
 *
 * A router turns the logits z = W x (+ b) of a batch of tokens into scores, joins tokens to experts
 * by a selection key, and gives each edge of the plan a weight. An entry says how:
 *
 *     assign    a batch of tokens: logits -> scores and edges. Where every token chooses by itself,
 *               it is assign_by_token (moe/choose_token.c), which calls the entry's `score` and
 *               `truncate`
 *     weigh     one token: the weights of its edges, after a capacity limit was applied
 *     backward  one token: gradients by the weights and scores -> gradients by the logits
 *
 * Edges are constants to the gradient. It goes through the weights, and, where there is a balancing
 * loss, through the scores. Everything is computed in `real` (float32), whatever the format of the
 * weights is.
 *
 * Always: a token's edges lead to distinct experts within range, whatever the logits are (a NaN key
 * is the lowest); of equal keys the lower index wins; a selection bias is part of the key, never of
 * the weight, and has no gradient. */
#ifndef CADRE_MOE_ROUTER_H
#define CADRE_MOE_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "kernel/rows.h"
#include "moe/plan.h"

enum { ROUTER_MAX_EXPERTS = 4096 };

/* DeepSeek-V2; DeepSeek-V3: sum of the two largest */
typedef enum group_score { GROUP_MAX, GROUP_TOP2 } group_score;
/* Of groups left out: -inf; 0.0 as transformers has it */
typedef enum group_mask { GROUP_MASK_INF, GROUP_MASK_ZERO } group_mask;

/* The options of routers. Each entry's `options` says which of them it understands; router_defaults
 * fills all. */
typedef struct router_options {
    int32_t topk;        /* K; for top-p the most picks */
    int32_t groups;      /* experts lie in so many equal, contiguous groups ... */
    int32_t groups_used; /* ... of which picks come from so many; equal to groups: no limit */
    group_score group_score;
    group_mask group_mask;
    bool renormalise;    /* softmax-bias: weights sum to `scale` */
    real scale;          /* routed scaling factor: every weight times it */
    real norm_eps;       /* guards the sum that weights are divided by */
    real top_p;          /* top-p: picks until their scores' sum first exceeds it */
    real noise_floor;    /* noisy-topk: added to softplus(W_noise x) */
    real jitter;         /* the router sees x * U(1 - jitter, 1 + jitter), in training */
    bool jitter_experts; /* so do the experts (transformers' Mixtral) */
    bool survivors;      /* weights are renormalised over the picks that were kept, not dropped */
} router_options;

enum router_trait {
    ROUTER_CORRECTION = 1 << 0, /* has a correction bias on selection */
    /* Has noise weights, and the smooth load estimate that they allow */
    ROUTER_NOISE = 1 << 1,
    /* Scores do not sum to 1: balancing losses normalise them per token */
    ROUTER_INDEPENDENT = 1 << 2,
    /* Weights of a token sum to `scale`: a single pick has no gradient */
    ROUTER_RENORMALISES = 1 << 3,
    ROUTER_VARIABLE = 1 << 4, /* the number of picks differs from token to token */
};

/* One token, as the functions of an entry see it. Its edges are `count` experts, best first, with a
 * weight each. */
typedef struct router_token {
    const router_options *options;
    const row_kernels *rows;
    int32_t experts;
    const real *logits;       /* [E] z */
    const real *correction;   /* [E]; NULL: none */
    const real *noise_logits; /* [E] W_noise x; NULL: the router has none */
    const real *noise;        /* [E] standard normal; NULL: evaluation, no noise */
    /* [E] p or s: what weights, priorities, balancing losses and metrics read */
    real *score;
    real *lse; /* [1] logsumexp(z) */
    real *key; /* [E] what picks are taken by */
    int32_t count;
    gexp *expert;       /* [count] */
    real *weight;       /* [count] */
    const int32_t *row; /* [count] after dispatch, -1: dropped; NULL: every edge counts */
    /* [2] noisy-topk, the top-k threshold: the last expert that was picked, and the best that was
     * not (-1: all are) */
    gexp *threshold;
    real *load; /* [E] noisy-topk: P(e is picked again under fresh noise) */
} router_token;

/* The gradients by one token's weights and scores, and by its logits, which they become. */
typedef struct token_gradient {
    real *dweight;       /* [count] */
    real *dprobability;  /* [E] by the score normalised to sum 1; the callee may overwrite it */
    const real *dload;   /* [E] by the smooth load; NULL: none */
    real *dlogits;       /* [E] written */
    real *dnoise_logits; /* [E] written; NULL where there are none */
} token_gradient;

struct routing;

typedef struct router {
    const char *name; /* as --router takes it */
    const char *help;
    uint32_t traits;
    const char *const
        *options; /* names of rows in THE TABLE of options (settings.h) that only some routers
                                            understand and this one does, NULL after the last */
    void (*defaults)(router_options *o); /* what differs from router_defaults' own; NULL: nothing */
    /* A batch: logits -> scores, and the edges of its plan */
    void (*assign)(struct routing *r);
    void (*score)(const router_token *t); /* logits -> score, lse, key */
    /* How many of the K best the token keeps; NULL: all */
    int32_t (*truncate)(const router_token *t);
    void (*weigh)(const router_token *t);                             /* score, expert -> weight */
    void (*backward)(const router_token *t, const token_gradient *d); /* weight, score -> logits */
    void (*load)(const router_token *t); /* key, expert -> threshold, load; NULL: no smooth load */
} router;

const router *const *router_list(int *count);
const router *router_by_name(const char *name); /* NULL: unknown */

/* The most edges that a batch of `tokens` can have. */
int64_t router_max_edges(const router_options *o, int64_t tokens);

void router_defaults(const router *r, int32_t topk, router_options *o);
bool router_understands(const router *r, const char *option);
cadre_status router_check(
    const router *r, const router_options *o, int64_t experts, const char *where);

/* Renormalised weights of a single pick are the constant `scale`: the router learns nothing from
 * the experts. */
bool router_learns_nothing(const router *r, const router_options *o);

#endif
