/* layer_experts.c - the routed experts of a sparse layer: what they read, their products (one bank
 * after another, where there are several), and the way back to the tokens and to the router.
 *
 *     input    the token; or s x, s w x, gathered by row (expert-input-scale, Llama 4)
 *     rows     experts with weights, then those without (weightless.c)
 *
 * Straight-through: the expert reads x (1 + w - the constant w), which is x, and so w gets the
 * gradient <x, dx_row> beside that through the output. */
#include <string.h>

#include "kernel/compute_times.h"
#include "moe/layer_run.h"
#include "op/parallel.h"

/* Returns what the routed experts read, [T, W] by token. */
static const real *expert_input(const layer_run *r)
{
    if (r->c->latent) return r->s->latent;
    return r->c->route.jitter_experts ? routing_input(&r->routing) : r->x;
}

/* ---- rows that are a multiple of their token ---- */

typedef struct row_job {
    const layer_run *r;
    const real *x;
    real *rows;
} row_job;

static real factor_of_row(const layer_run *r, int64_t row)
{
    const plan *p = &r->s->plan;
    bool weighs = r->c->router->traits & ROUTER_WEIGHS_INPUT;
    return r->c->input_scale * (weighs ? p->edge_weight[p->row_edge[row]] : 1);
}

static void gather_task(void *arg, int64_t begin, int64_t end)
{
    const row_job *job = arg;
    int64_t width = experts_width(job->r->c);
    for (int64_t row = begin; row < end; row++)
        job->r->call->compute->variant->rows->scale(width, factor_of_row(job->r, row),
            job->x + job->r->s->plan.row_token[row] * width, job->rows + row * width);
}

static void over_rows(
    layer_run *r, void (*task)(void *arg, int64_t begin, int64_t end), row_job *job)
{
    int64_t rows = r->s->plan.rows;
    parallel_over(r->call->compute, rows, 1, rows * experts_width(r->c), task, job);
}

/* Given derivatives by what an expert read: dweight where the weight stood in front of the expert,
 * and derivatives by the token, in place. */
static void ungather_task(void *arg, int64_t begin, int64_t end)
{
    const row_job *job = arg;
    const layer_run *r = job->r;
    const plan *p = &r->s->plan;
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = experts_width(r->c);
    bool weighs = r->c->router->traits & ROUTER_WEIGHS_INPUT;
    for (int64_t row = begin; row < end; row++) {
        real *d = job->rows + row * width, *dweight = r->scratch.dweight + p->row_edge[row];
        real along = r->c->input_scale * kernels->dot(width, job->x + p->row_token[row] * width, d);
        if (p->row_edge[row] < 0) continue;
        if (weighs) *dweight = along;
        else if (r->c->estimator == ESTIMATOR_STRAIGHT_THROUGH) *dweight += along;
        if (reads_scaled_rows(r->c)) kernels->scale(width, factor_of_row(r, row), d, d);
    }
}

/* ---- one pass over the experts of a bank, or over all ---- */

/* Banks of one width are one run of experts: their plan keeps them apart. */
static int32_t passes_of(const layer_run *r)
{
    return moe_config_has_bank_widths(r->c) ? r->c->route.banks : 1;
}

bool sums_own_columns(const layer_run *r)
{
    const expert_weights *w = r->w->bank ? r->w->bank : &r->w->experts;
    for (int32_t i = 0; i < passes_of(r); i++)
        if (w[i].down.pairs) return false;
    return r->call->tensor && r->call->tensor->ranks && !is_exchanged(r) && !keeps_rows(r->c) &&
           !moe_config_weightless(r->c);
}

static expert_pass routed_pass(const layer_run *r, int32_t bank)
{
    const plan *p = &r->s->plan;
    const batch_random *random = &r->call->batch->random;
    const router_options *o = &r->c->route;
    int32_t first = 0, experts = moe_config_weighted(r->c);
    int64_t before = 0;
    for (int32_t i = 0; i < bank; i++)
        first += o->bank_experts[i], before += moe_config_bank_hidden(r->c, i);
    if (moe_config_has_bank_widths(r->c)) experts = o->bank_experts[bank];
    expert_pass e = { .compute = r->call->compute,
        .weights = r->w->bank ? &r->w->bank[bank] : &r->w->experts,
        .source = r->call->source,
        .plan = p,
        .layer = r->call->layer,
        .limit = clamp_of(r->c),
        .width = experts_width(r->c),
        .form = layer_form(r->call->compute->variant->rows, r->c),
        .hidden = moe_config_bank_hidden(r->c, bank),
        .pre = r->s->pre + before * moe_config_inputs(r->c) * r->s->most_rows,
        .act = r->scratch.act,
        .group = r->scratch.group,
        .wanted = r->scratch.wanted,
        .tensor = is_exchanged(r) ? NULL : r->call->tensor, /* which share the experts out */
        .owners = r->call->owners,
        .columns = sums_own_columns(r) ? COLUMNS_PACKED : COLUMNS_GATHERED,
        .among = moe_config_weighted(r->c),
        .among_first = first };
    e.own_hidden = gather_own(e.tensor, e.hidden, e.hidden);
    e.rows = (expert_rows){ experts, p->first + first, p->row_token, p->row_edge, p->edge_weight,
        false, false };
    e.rows.x_by_row = reads_scaled_rows(r->c) || mixes_slots(r->c);
    e.rows.dy_by_row = keeps_rows(r->c);
    if (keeps_rows(r->c)) e.rows.weight = NULL;
    if (r->c->router->traits & ROUTER_WEIGHS_INPUT) e.rows.weight = NULL;
    if (random->train && r->c->expert_dropout > 0)
        e.dropout = (expert_dropout){ .chance = r->c->expert_dropout,
            .key = random_key_of(
                random->seed, "expert dropout", random->step, (uint64_t)r->call->layer),
            .experts = r->c->experts,
            .first_token = random->first_token };
    return e;
}

/* Returns the input of a pass: [T, W] by token, or [R, W] by row where rows were gathered. */
static const real *pass_input(const layer_run *r)
{
    return reads_scaled_rows(r->c) || mixes_slots(r->c) ? r->s->input_rows : expert_input(r);
}

static cadre_status compute_bank(layer_run *r, const expert_pass *routed, real *out)
{
    const real *in = pass_input(r);
    const expert_spread *placed = r->call->placed;
    if (is_exchanged(r)) return exchanged_forward(r, routed, in, out);
    if (placed) return placed_experts_forward(routed, placed, &r->scratch.placed, in, out);
    return experts_forward(routed, in, out);
}

cadre_status routed_forward(layer_run *r)
{
    row_job gather = { r, expert_input(r), r->s->input_rows };
    if (reads_scaled_rows(r->c)) over_rows(r, gather_task, &gather);
    if (mixes_slots(r->c)) slots_gather(r, expert_input(r));
    real *out = keeps_rows(r->c) ? r->s->out_rows : r->scratch.rows;
    for (int32_t i = 0; i < passes_of(r); i++) {
        expert_pass routed = routed_pass(r, i);
        CADRE_TRY(compute_bank(r, &routed, out));
    }
    if (moe_config_weightless(r->c)) weightless_forward(r, pass_input(r));
    r->s->plan.row_out = sums_own_columns(r) ? NULL : out;
    r->s->plan.row_width = experts_width(r->c);
    return CADRE_OK;
}

/* dsparse -> the experts' gradients, dweight, and derivatives by the experts' tokens, by row */
static void experts_gradients(layer_run *r, const real *dsparse, const moe_gradients *g)
{
    const plan *p = &r->s->plan;
    row_job ungather = { r, expert_input(r), r->scratch.rows };
    memset(r->scratch.dweight, 0, (size_t)p->edges * sizeof(real)); /* of edges without a row */
    if (r->c->estimator == ESTIMATOR_DENSE) unpicked_outputs(r, expert_input(r), dsparse);
    if (mixes_slots(r->c)) slots_spread(r, dsparse);
    else if (has_tasks(r->c)) tasks_spread(r, dsparse);
    for (int32_t i = 0; i < passes_of(r); i++) {
        expert_pass routed = routed_pass(r, i);
        expert_gradients into = g->bank ? g->bank[i] : g->experts;
        into.accumulate = g->accumulate;
        const real *dy = keeps_rows(r->c) ? r->scratch.dy_rows : dsparse;
        real *dweight = keeps_rows(r->c) ? NULL : r->scratch.dweight;
        if (is_exchanged(r)) exchanged_backward(r, &routed, dy, &into, dweight, r->scratch.rows);
        else experts_backward(&routed, pass_input(r), dy, &into, dweight, r->scratch.rows, false);
    }
    if (mixes_slots(r->c)) slots_weights_backward(r, dsparse, expert_input(r));
    if (moe_config_weightless(r->c)) weightless_backward(r, pass_input(r), dsparse, g);
    if (reads_scaled_rows(r->c) || r->c->estimator == ESTIMATOR_STRAIGHT_THROUGH)
        over_rows(r, ungather_task, &ungather);
}

/* dx_row -> dx, through the latent space where the experts act in one. */
static void scatter(layer_run *r, real *dx, moe_gradients *g)
{
    const layer_scratch *t = &r->scratch;
    const plan *p = &r->s->plan;
    if (mixes_slots(r->c)) {
        slots_scatter(r, dx);
        return;
    }
    if (!r->c->latent) {
        experts_scatter(r->call->compute, p, r->c->width, t->rows, dx);
        return;
    }
    memset(t->latent, 0, (size_t)(p->tokens * r->c->latent) * sizeof(real));
    experts_scatter(r->call->compute, p, r->c->latent, t->rows, t->latent);
    routing_product down = { .a = r->x,
        .w = &r->w->latent_down,
        .dw = g->latent_down,
        .accumulate = g->accumulate,
        .leaves = g->router.leaves,
        .da = rows_added(dx, r->c->width) };
    routing_multiply_backward(&r->routing, &down, t->latent);
}

void routed_backward(layer_run *r, const real *dsparse, real *dx, moe_gradients *g)
{
    const layer_scratch *t = &r->scratch;
    routing_gradient d = { .dweight = t->dweight,
        .dprobability = t->probability,
        .dlogits = t->logits,
        .dnoise_logits = t->noise_logits,
        .unpicked = t->unpicked,
        .after = r->call->dlogits_after };
    const balance *b = r->call->balance;
    if (b) d.dscore = balance_gradients(b, r->call->balance_layer);
    if (b) d.losses = balance_routing_gradient(b, r->call->balance_layer);
    experts_gradients(r, dsparse, g);
    compute_subject before = compute_enter(r->call->compute, TIME_ROUTING);
    routing_backward(&r->routing, &d, &g->router, g->accumulate, dx);
    if (b) balance_parameter_gradients(b, r->call->balance_layer, &r->routing, &g->router);
    compute_leave(r->call->compute, before);
    if (!r->c->route.jitter_experts) routing_apply_jitter(&r->routing, dx);
    scatter(r, dx, g);
    if (r->c->route.jitter_experts) routing_apply_jitter(&r->routing, dx);
}
