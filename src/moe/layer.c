/* layer.c - the four steps of a sparse layer, forwards and backwards, and the memory that they
 * need.
 *
 *     forward     assign, dispatch, weigh; shared expert -> y; experts; y += combine
 *     backward    experts, which also say how each weight should change; router; dx = router +
 *                 experts (+ jitter) + shared */
#include "moe/layer.h"

#include <assert.h>
#include <string.h>

#include "kernel/gemm.h"

/* ---- configuration ---- */

static const row_activation *form_of(const row_kernels *rows, const moe_config *c)
{
    return row_activation_by_name(rows, c->form);
}

/* A form's name and inputs are the same for every variant. */
static const row_activation *form_anywhere(const moe_config *c)
{
    int count;
    return form_of(variant_list(&count)[0]->rows, c);
}

static real clamp_of(const moe_config *c) { return c->limit > 0 ? c->limit : REAL_INF; }

int moe_config_inputs(const moe_config *c) { return form_anywhere(c)->inputs; }

void moe_config_init(
    moe_config *c, const router *r, int64_t width, int64_t hidden, int32_t experts, int32_t topk)
{
    *c = (moe_config){
        .width = width, .hidden = hidden, .experts = experts, .router = r, .form = "swiglu"
    };
    c->dispatch.factor = 1;
    router_defaults(r, topk, &c->route);
}

static cadre_status check_size(const char *where, const char *key, int64_t value, int64_t least)
{
    if (value >= least && value <= MOE_MAX_WIDTH) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, where, "%s: expected %lld to %d, found %lld", key,
        (long long)least, MOE_MAX_WIDTH, (long long)value);
}

cadre_status moe_config_check(const moe_config *c, const char *where)
{
    CADRE_TRY(check_size(where, "width", c->width, 1));
    CADRE_TRY(check_size(where, "expert-width", c->hidden, 1));
    CADRE_TRY(check_size(where, "shared expert's width", c->shared, 0));
    CADRE_TRY(router_check(c->router, &c->route, c->experts, where));
    CADRE_TRY(dispatch_check(&c->dispatch, where));
    if (!(c->expert_dropout >= 0 && c->expert_dropout < 1))
        return cadre_fail(CADRE_EARGUMENT, where,
            "expert-dropout: expected at least 0 and less than 1, found %g", c->expert_dropout);
    if (!form_anywhere(c))
        return cadre_fail(CADRE_EARGUMENT, where,
            "expert-form: expected the name of a form, found '%s'", c->form);
    return CADRE_OK;
}

/* ---- memory ---- */

static int64_t max_rows(const moe_config *c, int64_t tokens, int64_t sequences)
{
    return dispatch_max_rows(&c->dispatch, tokens, sequences, c->route.topk, c->experts);
}

/* Rows are counted in 32 bits; with that and the bounds of moe_config_check no product below leaves
 * 64. */
static bool fits(const moe_config *c, const batch_limits *most)
{
    return most->tokens <= INT32_MAX && most->sequences <= INT32_MAX &&
           max_rows(c, most->tokens, most->sequences) <= INT32_MAX;
}

void moe_state_layout(moe_state *s, arena *a, const moe_config *c, const batch_limits *most)
{
    int64_t rows = max_rows(c, most->tokens, most->sequences), inputs = moe_config_inputs(c);
    *s = (moe_state){ 0 };
    plan_layout(&s->plan, a,
        &(plan_limits){ .tokens = most->tokens,
            .edges = router_max_edges(&c->route, most->tokens),
            .rows = rows,
            .experts = c->experts,
            .limited = c->dispatch.overflow != OVERFLOW_NONE });
    router_state_layout(&s->router, a, c->router, &c->route, most->tokens, c->width, c->experts);
    s->pre = ARENA_ARRAY(a, real, rows * inputs * c->hidden);
    if (c->shared) s->shared_pre = ARENA_ARRAY(a, real, most->tokens * inputs * c->shared);
    if (c->shared_gated) s->shared_expert_gate = ARENA_ARRAY(a, real, most->tokens);
}

size_t moe_state_bytes(const moe_config *c, const batch_limits *most)
{
    moe_state s;
    arena measured = { 0 };
    if (!fits(c, most)) return SIZE_MAX;
    moe_state_layout(&s, &measured, c, most);
    return measured.used;
}

/* What a call needs between its beginning and its end. */
typedef struct scratch {
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
    /* [R, D] forward: the experts' outputs; backward: derivatives by their inputs */
    real *rows;
} scratch;

static void scratch_layout(scratch *s, arena *a, const moe_config *c, const batch_limits *most)
{
    int64_t rows = max_rows(c, most->tokens, most->sequences), pairs = most->tokens * c->experts;
    int64_t act = rows * c->hidden, shared = most->tokens * c->shared;
    *s = (scratch){ 0 };
    dispatch_layout(
        &s->dispatch, a, &c->dispatch, most->tokens, most->sequences, c->route.topk, c->experts);
    s->group = ARENA_ARRAY(a, gemm_group, 2 * c->experts);
    s->wanted = ARENA_ARRAY(a, int32_t, c->experts);
    s->logits = ARENA_ARRAY(a, real, pairs);
    s->probability = ARENA_ARRAY(a, real, pairs);
    if (c->router->traits & ROUTER_NOISE) s->noise_logits = ARENA_ARRAY(a, real, pairs);
    s->dweight = ARENA_ARRAY(a, real, router_max_edges(&c->route, most->tokens));
    if (c->shared_gated) s->dshared_expert_gate = ARENA_ARRAY(a, real, most->tokens);
    s->act = ARENA_ARRAY(a, real, act > shared ? act : shared);
    s->rows = ARENA_ARRAY(a, real, rows * c->width);
}

size_t moe_scratch_bytes(const moe_config *c, const batch_limits *most)
{
    scratch s;
    arena measured = { 0 };
    if (!fits(c, most)) return SIZE_MAX;
    scratch_layout(&s, &measured, c, most);
    return measured.used;
}

/* ---- one call ---- */

typedef struct run {
    const moe_call *call;
    const moe_config *c;
    const moe_weights *w;
    const real *x;
    moe_state *s;
    scratch scratch;
    routing routing;
} run;

static void run_begin(
    run *r, const moe_call *call, const moe_config *c, const moe_weights *w, moe_state *s)
{
    const token_batch *b = call->batch;
    arena memory = { .base = call->scratch, .size = call->scratch_bytes };
    *r = (run){ .call = call, .c = c, .w = w, .x = s->x, .s = s };
    scratch_layout(
        &r->scratch, &memory, c, &(batch_limits){ .tokens = b->tokens, .sequences = b->sequences });
    r->routing = (routing){ .compute = call->compute,
        .router = c->router,
        .options = &c->route,
        .weights = &w->router,
        .batch = b,
        .layer = call->layer,
        .width = c->width,
        .x = s->x,
        .plan = &s->plan,
        .state = &s->router,
        .key = r->scratch.logits };
}

/* What the routed experts read. */
static const real *expert_input(const run *r)
{
    return r->c->route.jitter_experts ? routing_input(&r->routing) : r->x;
}

static expert_pass routed_pass(const run *r)
{
    const plan *p = &r->s->plan;
    const batch_random *random = &r->call->batch->random;
    expert_pass e = { .compute = r->call->compute,
        .weights = &r->w->experts,
        .source = r->call->source,
        .plan = p,
        .layer = r->call->layer,
        .limit = clamp_of(r->c),
        .width = r->c->width,
        .form = form_of(r->call->compute->variant->rows, r->c),
        .hidden = r->c->hidden,
        .pre = r->s->pre,
        .act = r->scratch.act,
        .group = r->scratch.group,
        .wanted = r->scratch.wanted };
    e.rows = (expert_rows){ p->experts, p->first, p->row_token, p->row_edge, p->edge_weight };
    if (random->train && r->c->expert_dropout > 0)
        e.dropout = (expert_dropout){ .chance = r->c->expert_dropout,
            .key = random_key_of(
                random->seed, "expert dropout", random->step, (uint64_t)r->call->layer),
            .experts = r->c->experts,
            .first_token = random->first_token };
    return e;
}

/* The shared expert is one expert whose rows are the tokens, with weight 1 or the gate's. */
typedef struct shared_pass {
    expert_weights weights;
    int64_t first[2];
    expert_pass pass;
} shared_pass;

static void shared_begin(const run *r, shared_pass *p)
{
    p->weights = (expert_weights){ .gate = r->w->shared_gate,
        .up = r->w->shared_up,
        .down = r->w->shared_down,
        .joined = r->w->shared_joined };
    p->first[0] = 0;
    p->first[1] = r->s->plan.tokens;
    p->pass = (expert_pass){ .compute = r->call->compute,
        .weights = &p->weights,
        .limit = clamp_of(r->c),
        .width = r->c->width,
        .form = form_of(r->call->compute->variant->rows, r->c),
        .hidden = r->c->shared,
        .pre = r->s->shared_pre,
        .act = r->scratch.act,
        .group = r->scratch.group,
        .wanted = r->scratch.wanted };
    p->pass.rows =
        (expert_rows){ .experts = 1, .first = p->first, .weight = r->s->shared_expert_gate };
}

/* ---- forward ---- */

static void route(run *r)
{
    const token_batch *b = r->call->batch;
    const dispatch_options *limit =
        b->random.train || r->c->dispatch.in_eval ? &r->c->dispatch : NULL;
    plan *p = &r->s->plan;
    dispatching d = { .compute = r->call->compute,
        .options = limit,
        .batch = b,
        .picks = r->c->route.topk,
        .score = r->s->router.score,
        .key = r->routing.key,
        .scratch = &r->scratch.dispatch };
    p->tokens = b->tokens;
    p->valid = b->valid;
    routing_assign(&r->routing);
    dispatch(&d, p);
    routing_weigh(&r->routing);
    if (r->call->balance) balance_collect(r->call->balance, r->call->balance_layer, &r->routing);
}

/* gate [T] = sigmoid(x . w) */
static void gate_shared(const run *r)
{
    int64_t tokens = r->s->plan.tokens;
    gemm_group g = { .m = tokens,
        .n = 1,
        .k = r->c->width,
        .a = r->x,
        .a_stride = r->c->width,
        .b = weight_matrix(&r->w->shared_expert_gate, 0),
        .c = r->s->shared_expert_gate,
        .c_stride = 1 };
    gemm_grouped(r->call->compute, GEMM_NT, &g, 1, false);
    r->call->compute->variant->rows->sigmoid(
        tokens, r->s->shared_expert_gate, r->s->shared_expert_gate);
}

cadre_status moe_layer_forward(const moe_call *call, const moe_config *c, const moe_weights *w,
    const real *x, moe_state *s, real *y)
{
    run r;
    s->x = x;
    run_begin(&r, call, c, w, s);
    route(&r);
    expert_source_prefetch(call->source, call->layer, &s->plan);
    if (c->shared_gated) gate_shared(&r);
    if (c->shared) {
        shared_pass shared;
        shared_begin(&r, &shared);
        CADRE_TRY(experts_forward(&shared.pass, x, y));
    }
    expert_pass routed = routed_pass(&r);
    CADRE_TRY(experts_forward(&routed, expert_input(&r), r.scratch.rows));
    combination sum = { .compute = call->compute,
        .plan = &s->plan,
        .width = c->width,
        .down_bias = w->experts.down_bias,
        .base = c->shared > 0,
        .base_scale = s->shared_expert_gate };
    experts_combine(&sum, r.scratch.rows, y);
    return CADRE_OK;
}

/* ---- backward ---- */

/* Forward: y = gate * shared(x). Adds to dx. */
static void shared_backward(run *r, const real *dy, real *dx, const moe_gradients *g)
{
    shared_pass shared;
    expert_gradients into = { .gate = &(real *const){ g->shared_gate },
        .up = &(real *const){ g->shared_up },
        .down = &(real *const){ g->shared_down },
        .joined = g->shared_joined,
        .accumulate = g->accumulate };
    shared_begin(r, &shared);
    experts_backward(&shared.pass, r->x, dy, &into, r->scratch.dshared_expert_gate, dx, true);
}

/* Forward: gate = sigmoid(z), z = x . w. Given dgate, which becomes dz:  dw (+)= dz^T x,
 * dx += dz w */
static void gate_backward(run *r, real *dx, real *dw, bool accumulate)
{
    int64_t tokens = r->s->plan.tokens, width = r->c->width;
    const weight *w = &r->w->shared_expert_gate;
    real *dz = r->scratch.dshared_expert_gate;
    for (int64_t t = 0; t < tokens; t++)
        dz[t] *= r->s->shared_expert_gate[t] * (1 - r->s->shared_expert_gate[t]);
    gemm(r->call->compute, GEMM_TN, 1, width, tokens, dz, 1, r->x, width, dw, width, accumulate);
    gemm(r->call->compute, GEMM_NN, tokens, width, 1, dz, 1, w->data, w->stride, dx, width, true);
}

static void routed_backward(run *r, const real *dy, real *dx, moe_gradients *g)
{
    const scratch *t = &r->scratch;
    const plan *p = &r->s->plan;
    expert_pass routed = routed_pass(r);
    expert_gradients into = g->experts;
    into.accumulate = g->accumulate;
    routing_gradient d = { .dweight = t->dweight,
        .dprobability = t->probability,
        .dlogits = t->logits,
        .dnoise_logits = t->noise_logits };
    if (r->call->balance) d.dscore = balance_gradients(r->call->balance, r->call->balance_layer);
    memset(t->dweight, 0, (size_t)p->edges * sizeof(real)); /* of edges without a row */
    experts_backward(&routed, expert_input(r), dy, &into, t->dweight, t->rows, false);
    routing_backward(&r->routing, &d, &g->router, g->accumulate, dx);
    if (!r->c->route.jitter_experts) routing_apply_jitter(&r->routing, dx);
    experts_scatter(r->call->compute, p, r->c->width, t->rows, dx);
    if (r->c->route.jitter_experts) routing_apply_jitter(&r->routing, dx);
}

void moe_layer_backward(const moe_call *call, const moe_config *c, const moe_weights *w,
    moe_state *s, const real *dy, real *dx, moe_gradients *g)
{
    run r;
    assert(!call->source);
    run_begin(&r, call, c, w, s);
    routed_backward(&r, dy, dx, g);
    if (c->shared) shared_backward(&r, dy, dx, g);
    if (c->shared_gated) gate_backward(&r, dx, g->shared_expert_gate, g->accumulate);
}
