/* layer.c - the steps of a sparse layer in their order, forwards and backwards (layer_run.h). */
#include "moe/layer.h"

#include <assert.h>
#include <string.h>

#include "kernel/compute_times.h"
#include "moe/layer_run.h"

static void run_begin(
    layer_run *r, const moe_call *call, const moe_config *c, const moe_weights *w, moe_state *s)
{
    const token_batch *b = call->batch;
    arena own = { .base = call->scratch, .size = call->scratch_bytes };
    *r = (layer_run){ .call = call, .c = c, .w = w, .x = s->x, .s = s };
    batch_limits most = { .tokens = b->tokens, .sequences = b->sequences };
    if (b->ranks) {
        most.ranks = b->ranks->comm->size;
        most.all_tokens = b->ranks->tokens;
        most.all_sequences = b->ranks->first[most.ranks];
    }
    layer_scratch_layout(&r->scratch, &own, c, &most);
    r->routing = (routing){ .compute = call->compute,
        .router = c->router,
        .options = &c->route,
        .weights = &w->router,
        .batch = b,
        .layer = call->layer,
        .width = c->width,
        .x = call->router_input ? call->router_input : s->x,
        .plan = &s->plan,
        .state = &s->router,
        .key = r->scratch.logits,
        .before = call->logits_before,
        .dbefore = call->dlogits_before };
}

/* ---- forward ---- */

static void route(layer_run *r)
{
    const token_batch *b = r->call->batch;
    const dispatch_options *limit =
        b->random.train || r->c->dispatch.in_eval ? &r->c->dispatch : NULL;
    plan *p = &r->s->plan;
    dispatching d = { .compute = r->call->compute,
        .options = limit,
        .batch = b,
        .picks = router_capacity_picks(r->c->router, &r->c->route),
        .score = r->s->router.score,
        .key = r->routing.key,
        .scratch = &r->scratch.dispatch };
    compute_subject before = compute_enter(d.compute, TIME_ROUTING);
    p->tokens = b->tokens;
    p->valid = b->valid;
    routing_assign(&r->routing);
    if (!mixes_slots(r->c)) dispatch(&d, p);
    routing_weigh(&r->routing);
    if (r->call->balance) balance_collect(r->call->balance, r->call->balance_layer, &r->routing);
    compute_leave(d.compute, before);
}

static void combine(const layer_run *r, real *y)
{
    int64_t width = experts_width(r->c);
    bool sliced = sums_own_columns(r);
    const column_gather *tensor = r->call->tensor;
    real *to = keeps_sparse(r->c) ? r->s->sparse : y;
    combination sum = { .compute = r->call->compute,
        .plan = &r->s->plan,
        .width = width,
        .first = sliced ? gather_first(tensor, width, width) : 0,
        .own = sliced ? gather_own(tensor, width, width) : width,
        .down_bias = is_exchanged(r) && r->scratch.bias ? r->scratch.bias : r->w->experts.down_bias,
        .biased = moe_config_weighted(r->c),
        .base = r->c->shared > 0,
        .base_scale = r->s->shared_expert_gate,
        .unweighted = r->c->router->traits & ROUTER_WEIGHS_INPUT };
    if (keeps_sparse(r->c)) sum.base = false;
    experts_combine(&sum, r->scratch.rows, to);
    if (sliced) gather_columns(tensor, r->s->plan.tokens, width, width, to);
}

static void combine_mixtures(layer_run *r, real *y)
{
    if (has_tasks(r->c)) {
        tasks_combine(r, y);
        return;
    }
    begin_sum(r, y);
    slots_combine(r, y);
}

/* BASE: y += x */
static void add_input(const layer_run *r, const real *x, real *y)
{
    if (r->c->router->traits & ROUTER_ADDS_INPUT)
        r->call->compute->variant->rows->add(r->s->plan.tokens * r->c->width, x, y);
}

cadre_status moe_layer_forward(const moe_call *call, const moe_config *c, const moe_weights *w,
    const real *x, moe_state *s, real *y)
{
    layer_run r;
    s->x = x;
    run_begin(&r, call, c, w, s);
    route(&r);
    expert_source_prefetch(call->source, call->layer, &s->plan);
    CADRE_TRY(beside_forward(&r, y));
    if (c->latent) latent_forward(&r);
    CADRE_TRY(routed_forward(&r));
    if (keeps_rows(c)) combine_mixtures(&r, y);
    else combine(&r, y);
    if (keeps_sparse(c)) CADRE_TRY(behind_forward(&r, y));
    add_input(&r, x, y);
    return CADRE_OK;
}

void moe_layer_end_step(const moe_config *c, moe_state *s, real *const *own)
{
    routing r = { .router = c->router,
        .options = &c->route,
        .width = c->width,
        .plan = &s->plan,
        .state = &s->router };
    if (c->router->end_step) c->router->end_step(&r, own);
}

/* ---- backward ---- */

void moe_layer_backward(const moe_call *call, const moe_config *c, const moe_weights *w,
    moe_state *s, const real *dy, real *dx, moe_gradients *g)
{
    layer_run r;
    assert(!call->source);
    run_begin(&r, call, c, w, s);
    routed_backward(&r, keeps_sparse(c) ? behind_backward(&r, dy, g) : dy, dx, g);
    beside_backward(&r, dy, dx, g);
    add_input(&r, dy, dx);
}
