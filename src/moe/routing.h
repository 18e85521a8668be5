/* routing.h - a batch of tokens on its way through a router, forwards and backwards.
 *
 *     z = x~ W^T + b      x~ = x, in training perhaps times random numbers around 1 (jitter)
 *     scores, edges       the router's `assign`, for the batch; padding gets no edge
 *     weights             the router's `weigh`, after dispatch has said which edges have a row
 *
 * Random numbers are a function of the run's seed, the step, the layer and the token's index in the
 * step. */
#ifndef CADRE_MOE_ROUTING_H
#define CADRE_MOE_ROUTING_H

#include "base/memory.h"
#include "kernel/compute.h"
#include "kernel/weight.h"
#include "moe/router.h"
#include "op/batch.h"

typedef struct router_weights {
    weight matrix;          /* [E, D] */
    const real *bias;       /* [E] linear bias (gpt-oss); NULL: none */
    const real *correction; /* [E] selection bias; NULL: none */
    weight noise;           /* [E, D] of noisy-topk; .data NULL: none */
} router_weights;

typedef struct router_gradients {
    real *matrix; /* [E, D] */
    real *bias;   /* [E]; NULL where there is none */
    real *noise;  /* [E, D]; NULL where there is none */
} router_gradients;

/* What forward leaves for backward, the balancing losses and the metrics. */
typedef struct router_state {
    real *logits;       /* [T, E] */
    real *score;        /* [T, E] */
    real *lse;          /* [T] logsumexp of the logits */
    real *jittered;     /* [T, D] x * jitter; NULL: no jitter */
    real *noise_logits; /* [T, E]; NULL, as the next three: the router has no noise weights */
    real *noise;        /* [T, E] standard normal */
    real *load;         /* [T, E] */
    gexp *threshold;    /* [T, 2] */
} router_state;

void router_state_layout(router_state *s, arena *a, const router *r, const router_options *o,
    int64_t tokens, int64_t width, int64_t experts);

/* The gradient of the balancing losses by the routing of each token of one sequence. */
typedef struct score_gradient {
    const real *probability; /* [E] by the score normalised to sum 1 */
    const real *importance;  /* [E] by the weight; NULL: none */
    const real *load;        /* [E] by the smooth load; NULL: none */
    real entropy;            /* by the entropy of the normalised score */
    real z;                  /* by logsumexp(z)^2 */
} score_gradient;

typedef struct routing {
    compute *compute;
    const router *router;
    const router_options *options;
    const router_weights *weights;
    const token_batch *batch;
    int32_t layer; /* in the model, for random numbers */
    int64_t width;
    const real *x; /* [T, D] */
    plan *plan;
    router_state *state;
    real *key; /* [T, E] scratch of forward, which dispatch reads too */
} routing;

void routing_assign(routing *r); /* x -> logits, scores, edges */
void routing_weigh(routing *r);  /* edges, rows -> weights */

/* Token t as the router's row sees it, with `count` edges from first_edge on. */
router_token routing_token(const routing *r, int64_t t, int64_t first_edge, int32_t count);

typedef struct routing_gradient {
    real *dweight;                /* [N] from the experts; it is overwritten */
    const score_gradient *dscore; /* [B], one for each sequence; NULL: no balancing losses */
    real *dprobability, *dlogits; /* [T, E] scratch */
    real *dnoise_logits;          /* [T, E] scratch; NULL where the router has no noise */
} routing_gradient;

/* Gradients of the router's weights (added, or overwritten); dx [T, D] = gradient by the routing's
 * input x~. */
void routing_backward(
    routing *r, const routing_gradient *d, router_gradients *g, bool accumulate, real *dx);

const real *routing_input(const routing *r); /* x~ */
/* dx [T, D], by x~, becomes dx by x. Without jitter it stays as it is. */
void routing_apply_jitter(routing *r, real *dx);

#endif
