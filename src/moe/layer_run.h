/* layer_run.h - one call of a sparse layer, as its parts see it:
 *
 *     layer.c           the order of the steps
 *     layer_config.c    which settings go together
 *     layer_memory.c    what a call needs
 *     layer_experts.c   the routed experts; weightless.c, unpicked.c, slots.c, tasks.c
 *     layer_ranks.c     the same where ranks divide the batch
 *     layer_beside.c    what stands beside and behind them
 *
 *     forward     assign, dispatch, weigh; shared expert -> y; experts; y += combine
 *     backward    experts, which also say how each weight should change; router; dx = router +
 *                 experts (+ jitter) + shared
 *
 * Where the routed experts' sum is not y itself, it goes to `sparse` [T, W] first (W = L where the
 * experts act in a latent space, else D):
 *
 *     latent      y += sparse U^T, and the experts read x V^T
 *     omega       y += omega * sparse
 *     residual    y += c0 sparse + c1 residual(x), c = softmax(C x + b) */
#ifndef CADRE_MOE_LAYER_RUN_H
#define CADRE_MOE_LAYER_RUN_H

#include "kernel/gemm.h"
#include "moe/layer.h"
#include "moe/placed_experts.h"

/* The scratch memory of a call. */
typedef struct layer_scratch {
    dispatch_scratch dispatch;
    gemm_group *group; /* [2 * E] */
    int32_t *wanted;   /* [E] */
    /* [T, E] forward: keys of selection; backward: derivatives by the logits */
    real *logits;
    real *probability;         /* [T, E] derivatives by scores */
    real *noise_logits;        /* [T, E] derivatives; NULL: no noise */
    real *dweight;             /* [N] */
    real *dshared_expert_gate; /* [T] of a gated shared expert */
    real *act;                 /* [R, H], or [T, Hs] */
    /* [R, W] forward: the experts' outputs; backward: derivatives by their inputs */
    real *rows;
    real *dy_rows; /* [R, W] backward, where outputs are mixed by slots.c or tasks.c; else NULL */
    real *sparse;  /* [T, W] backward: derivatives by the routed experts' sum; NULL: it is y */
    real *latent;  /* [T, L] backward: derivatives by what the experts read; NULL: no latent */
    real *coefficient; /* [T, 2] of a residual expert, and derivatives; NULL: there is none */
    /* The dense estimator's own passes, and <out, dy> of every expert that was not picked [T, E] */
    real *unpicked_pre, *unpicked_act, *unpicked_out, *unpicked;
    int64_t *unpicked_first; /* [E + 1] */
    int32_t *unpicked_token; /* [T] */
    /* Where ranks divide the batch: rows as they are sent or computed, and as they arrive, [R, W]
     * of all ranks; two elements for each; biases of all experts [E, W] and where each is, or
     * NULL */
    real *outgoing, *arrived, *elements, *biases;
    const real **bias;
    placed_scratch placed;
} layer_scratch;

typedef struct layer_run {
    const moe_call *call;
    const moe_config *c;
    const moe_weights *w;
    const real *x;
    moe_state *s;
    layer_scratch scratch;
    routing routing;
} layer_run;

/* ---- layer_config.c, layer_memory.c ---- */

void layer_scratch_layout(
    layer_scratch *s, arena *a, const moe_config *c, const batch_limits *most);
const row_activation *layer_form(const row_kernels *rows, const moe_config *c);

static inline int64_t experts_width(const moe_config *c)
{
    return c->latent ? c->latent : c->width;
}
static inline bool reads_scaled_rows(const moe_config *c)
{
    return c->input_scale != 1 || c->router->traits & ROUTER_WEIGHS_INPUT;
}
static inline bool mixes_slots(const moe_config *c) { return c->router->traits & ROUTER_MIXES; }
static inline bool has_tasks(const moe_config *c)
{
    return c->router->traits & ROUTER_EVERY_EXPERT && c->route.tasks > 1;
}
/* Returns whether the experts' outputs are kept, because more than one weighted sum is taken of
 * them. */
static inline bool keeps_rows(const moe_config *c) { return mixes_slots(c) || has_tasks(c); }
/* Returns whether the routed experts' sum is kept, because something follows it. */
static inline bool keeps_sparse(const moe_config *c)
{
    return c->latent || c->residual || c->route.omega;
}
/* Returns whether each rank sums the routed experts' outputs over its own columns, before the sums
 * are gathered. Where more than their sum is wanted, or something is added to whole rows of them,
 * the outputs themselves are gathered. */
bool sums_own_columns(const layer_run *r);
static inline real clamp_of(const moe_config *c) { return c->limit > 0 ? c->limit : REAL_INF; }

/* ---- layer_experts.c ---- */

cadre_status routed_forward(layer_run *r); /* -> scratch.rows */
/* dsparse [T, W] -> gradients of the experts and the router, dx written, with latent dlatent too */
void routed_backward(layer_run *r, const real *dsparse, real *dx, moe_gradients *g);

/* ---- layer_ranks.c ---- */

/* What experts_forward and experts_backward do, for experts that ranks have divided: `all` is the
 * pass over all of them. */
cadre_status exchanged_forward(layer_run *r, const expert_pass *all, const real *in, real *out);
void exchanged_backward(layer_run *r, const expert_pass *all, const real *dy,
    const expert_gradients *g, real *dweight, real *dx_rows);
static inline bool is_exchanged(const layer_run *r) { return r->call->batch->ranks; }

/* Experts without weights (weightless.c): rows behind those of the others. */
void weightless_forward(layer_run *r, const real *x);
void weightless_backward(layer_run *r, const real *x, const real *dsparse, const moe_gradients *g);

/* <out, dy> of the experts that were not picked (unpicked.c) -> scratch.unpicked;
 * x: what experts read */
void unpicked_outputs(layer_run *r, const real *x, const real *dsparse);

/* ---- slots.c ---- */

void slots_gather(layer_run *r, const real *x);  /* x -> state.input_rows */
void slots_combine(layer_run *r, real *y);       /* state.out_rows -> y, added */
void slots_spread(layer_run *r, const real *dy); /* dy -> scratch.dy_rows */
/* scratch.rows, which are derivatives by input_rows -> those by the mixtures' weights */
void slots_weights_backward(layer_run *r, const real *dy, const real *x);
void slots_scatter(layer_run *r, real *dx); /* scratch.rows -> dx, added */

/* ---- tasks.c ---- */

void tasks_combine(const layer_run *r, real *y); /* state.out_rows -> y [n, T, D] */
/* dy [n, T, D] -> scratch.dy_rows, and derivatives by the gates' weights */
void tasks_spread(layer_run *r, const real *dy);

/* ---- layer_beside.c ---- */

cadre_status beside_forward(layer_run *r, real *y); /* shared expert -> y */
void begin_sum(const layer_run *r, real *y);        /* y = gate * shared, or 0 */
cadre_status behind_forward(layer_run *r, real *y); /* sparse -> y, where it is kept */
/* dy -> scratch.sparse, and the gradients of what stands behind */
const real *behind_backward(layer_run *r, const real *dy, moe_gradients *g);
void latent_forward(layer_run *r); /* x -> state.latent */
void beside_backward(layer_run *r, const real *dy, real *dx, moe_gradients *g);

#endif
