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
#include "op/leaves.h"
#include "op/strided.h"

typedef struct router_weights {
    weight matrix;          /* [E, D] */
    const real *bias;       /* [E] linear bias (gpt-oss); NULL: none */
    const real *correction; /* [E] correction bias; NULL: none */
    weight noise;           /* [E, D] of noisy-topk; .data NULL: none */
    /* [E] multiplies an expert's weights, last of all; NULL: none. Forward only */
    const real *expert_scale;
    const real *own[ROUTER_OWN_PARAMETERS]; /* in the order of router_parameters */
} router_weights;

typedef struct router_gradients {
    real *matrix;                     /* [E, D] */
    real *bias;                       /* [E]; NULL where there is none */
    real *noise;                      /* [E, D]; NULL where there is none */
    real *own[ROUTER_OWN_PARAMETERS]; /* NULL: there is none, or it is a state */
    /* How these, and all that stands beside the routed experts, are summed over tokens; NULL: in
     * one chain */
    const leaf_list *leaves;
} router_gradients;

/* What forward keeps for backward, the balancing losses and the metrics. */
typedef struct router_state {
    real *logits;       /* [T, E] */
    real *score;        /* [T, E] */
    real *lse;          /* [T] logsumexp of the logits */
    real *jittered;     /* [T, D] x * jitter; NULL: no jitter */
    real *noise_logits; /* [T, E]; NULL, as the next three: the router has no noise weights */
    real *noise;        /* [T, E] standard normal */
    real *load;         /* [T, E] */
    gexp *threshold;    /* [T, 2] */
    real *clean; /* [T, E] logits before the noise of logit_noise; NULL: it is not asked for */
    real *own;   /* what the router itself keeps; NULL: nothing */
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
    real *key;          /* [T, E] scratch of forward, which dispatch reads too */
    const real *before; /* [T, E] the logits of the sparse layer before; NULL: there are none */
    real *dbefore;      /* [T, E] of backward, written; NULL: not wanted */
} routing;

/* out [T, n] (+)= a [T, k] w^T + bias, w [n, k]; bias NULL: none. */
void routing_multiply(
    const routing *r, const real *a, const weight *w, const real *bias, real *out, bool add);

/* The backward of that product; out is overwritten. dw (+)= dout^T a, dbias (+)= sum of dout,
 * da = dout w; dw, dbias and da.at may be NULL. */
typedef struct routing_product {
    const real *a;
    const weight *w;
    real *dw, *dbias;
    bool accumulate;
    const leaf_list *leaves;
    strided_out da;
} routing_product;
void routing_multiply_backward(const routing *r, const routing_product *p, const real *dout);
/* The same for the router's matrix and bias on its input; dx is overwritten. */
void routing_matrix_backward(
    const routing *r, const real *dout, router_gradients *g, bool accumulate, real *dx);

/* The memory that the router's row asked for (`own`), for a row that lays it out as an arena. Other
 * layers use the same memory. */
arena routing_own_memory(const routing *r);

/* Random numbers that a program gave, or a function of the step, the layer and the token's place:
 * count for each token, in out [T, count]. */
typedef enum routing_draw_kind {
    DRAW_NORMAL,
    DRAW_UNIFORM,
    DRAW_GUMBEL,
    DRAW_LOGISTIC
} routing_draw_kind;
void routing_draw(const routing *r, routing_draw_kind kind, const char *name, const real *given,
    int64_t count, real *out);

/* A function for `assign`: the ids that a token's row chose go into the plan. */
void routing_choose(const router_token *t, int32_t count);

void routing_assign(routing *r); /* x -> logits, scores, edges */
void routing_weigh(routing *r);  /* edges, rows -> weights */

/* The experts that token t knows: of its type's bank, or all. Returns the first of them. */
int32_t routing_bank(const routing *r, int64_t t, int32_t *experts);
/* The bank of an expert; 0 where there are none. */
int32_t routing_bank_of_expert(const routing *r, int32_t expert);

/* Token t as the router's row sees it, with `count` edges from first_edge on. */
router_token routing_token(const routing *r, int64_t t, int64_t first_edge, int32_t count);

typedef struct routing_gradient {
    real *dweight;                /* [N] from the experts; it is overwritten */
    const score_gradient *dscore; /* [B], one for each sequence; NULL: no balancing losses */
    real *dprobability, *dlogits; /* [T, E] scratch */
    real *dnoise_logits;          /* [T, E] scratch; NULL where the router has no noise */
    /* [T, E] <out, dy> of experts that were not picked, else 0 (dense estimator); NULL: none */
    const real *unpicked;
    const real *losses; /* [T, E] by the logits, of losses that read the routing; NULL: none */
    const real *after;  /* [T, E] by the logits, of the sparse layer behind; NULL: none */
} routing_gradient;

/* Gradients of the router's weights (added, or overwritten); dx [T, D] = gradient by the routing's
 * input x~. */
void routing_backward(
    routing *r, const routing_gradient *d, router_gradients *g, bool accumulate, real *dx);

const real *routing_input(const routing *r); /* x~ */
/* dx [T, D], by x~, becomes dx by x. Without jitter it stays as it is. */
void routing_apply_jitter(routing *r, real *dx);

#endif
