/* layer_public.c - a sparse layer with weights, gradients and memory of its own, for a program that
 * has no model of ours.
 *
 * It is moe/layer.h and moe/balance.h behind one object. */
#include <string.h>

#include "base/options.h"
#include "base/sized.h"
#include "kernel/context.h"
#include "moe/layer_public.h"
#include "moe/metrics.h"
#include "moe/settings.h"

/* ---- making ---- */

static cadre_status check_shape(const cadre_moe_shape *s)
{
    if (s->router && !router_by_name(s->router))
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "router: expected the name of a router, found '%s'", s->router);
    if (s->tokens < 1 || s->tokens > INT32_MAX || s->sequences < 0 || s->sequences > s->tokens)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "largest batch: expected 1 to %d tokens and no more sequences, found %lld, %lld",
            INT32_MAX, (long long)s->tokens, (long long)s->sequences);
    if (s->shared_gated && !s->shared)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "a gate of the shared expert: expected a shared expert, found none");
    return CADRE_OK;
}

static cadre_status configure(
    cadre_moe *m, const cadre_moe_shape *s, const cadre_options *o, balance_options *losses)
{
    moe_config *c = &m->config;
    CADRE_TRY(check_shape(s));
    moe_config_init(c, router_by_name(s->router ? s->router : "softmax"), s->width, s->hidden,
        s->experts, s->topk);
    if (s->form) c->form = s->form;
    c->limit = (real)s->limit;
    c->shared = s->shared, c->shared_gated = s->shared_gated;
    c->expert_bias = s->expert_bias, c->router_bias = s->router_bias;
    c->latent = s->latent, c->residual = s->residual;
    c->route.vocabulary = (int32_t)s->vocabulary;
    c->route.residual = s->residual_logits;
    if (s->projector) c->route.projector = (int32_t)s->projector;
    m->most = (batch_limits){
        .tokens = s->tokens, .sequences = s->sequences ? s->sequences : 1, .training = true
    };
    m->layer = s->layer;
    if (o) {
        CADRE_TRY(settings_read_layer(o, c));
        CADRE_TRY(settings_read_balance(o, losses));
        CADRE_TRY(settings_check_routers(o, (const router *[]){ c->router }, 1));
    }
    for (int32_t i = 0; i < c->route.banks; i++)
        c->bank_hidden[i] = s->bank_hidden ? s->bank_hidden[i] : c->hidden;
    return moe_config_check(c, NULL);
}

static cadre_status open_memory(cadre_moe *m)
{
    arena measured = { 0 };
    int64_t most = layer_parameters_most(&m->config);
    if (moe_state_bytes(&m->config, &m->most) == SIZE_MAX ||
        moe_scratch_bytes(&m->config, &m->most) == SIZE_MAX)
        return cadre_fail(CADRE_ENOMEM, NULL,
            "a batch of %lld tokens does not fit the address space", (long long)m->most.tokens);
    layer_parameters_layout(m, &measured);
    m->parameter = MEM_ARRAY(cadre_moe_parameter, most);
    if (!m->parameter || !arena_open(&m->arena, measured.used)) return CADRE_ENOMEM;
    layer_parameters_layout(m, &m->arena);
    layer_parameters_initialise(m);
    return CADRE_OK;
}

static cadre_status moe_open(
    cadre_moe *m, const cadre_moe_shape *shape, const cadre_options *options)
{
    balance_options losses = { 0 };
    CADRE_TRY(configure(m, shape, options, &losses));
    balance_layer layer = moe_balance_layer(&m->config);
    balance_add_of_routers(&losses, &layer, 1, false);
    CADRE_TRY(open_memory(m));
    return balance_new(&losses, &layer, 1, &m->most, &m->balance);
}

static cadre_status new_moe(cadre_context *context, const cadre_moe_shape *shape,
    const cadre_options *options, uint64_t seed, cadre_moe **moe)
{
    cadre_moe_shape own;
    CADRE_TRY(sized_read(
        "cadre_moe_shape", shape, SIZE_UP_TO(cadre_moe_shape, sequences), &own, sizeof own));
    cadre_moe *m = MEM_ARRAY(cadre_moe, 1);
    if (!m) return CADRE_ENOMEM;
    m->context = context, m->compute = context->compute, m->seed = seed;
    cadre_status status = moe_open(m, &own, options);
    if (status != CADRE_OK) {
        cadre_moe_free(m);
        return status;
    }
    cadre_moe_step_begin(m, 0, m->most.sequences, m->most.tokens);
    *moe = m;
    return CADRE_OK;
}

cadre_status cadre_moe_new(cadre_context *context, const cadre_moe_shape *shape,
    const cadre_options *options, uint64_t seed, cadre_moe **moe)
{
    CADRE_TRY(context_enter(context));
    return context_leave(context, new_moe(context, shape, options, seed, moe));
}

void cadre_moe_free(cadre_moe *m)
{
    if (!m) return;
    balance_free(m->balance);
    arena_close(&m->arena);
    mem_free(m->parameter);
    mem_free(m);
}

/* ---- a step ---- */

void cadre_moe_step_begin(cadre_moe *m, uint64_t step, int64_t sequences, int64_t tokens)
{
    m->step = step;
    m->tokens_before = 0;
    m->gradients.accumulate = false;
    m->x = NULL;
    m->batch.tokens = 0;
    balance_step_begin(m->balance, sequences, tokens);
}

/* The last batch's, as far as steps and tensors read it. */
static routing routing_of(cadre_moe *m)
{
    return (routing){ .compute = m->compute,
        .router = m->config.router,
        .options = &m->config.route,
        .weights = &m->weights.router,
        .batch = &m->batch,
        .layer = m->layer,
        .width = m->config.width,
        .plan = &m->state.plan,
        .state = &m->state.router };
}

cadre_status cadre_moe_step_end(cadre_moe *m)
{
    CADRE_TRY(context_enter(m->context));
    balance_step_end(m->balance);
    if (m->correction) balance_update_bias(m->balance, 0, m->correction);
    if (m->batch.tokens) moe_layer_end_step(&m->config, &m->state, m->own);
    return context_leave(m->context, CADRE_OK);
}

static cadre_status check_integers(
    const char *what, const int32_t *values, int64_t tokens, int32_t below)
{
    for (int64_t t = 0; values && t < tokens; t++)
        if (values[t] < 0 || values[t] >= below)
            return cadre_fail(CADRE_EARGUMENT, NULL, "%s: expected 0 to %d, found %d at token %lld",
                what, below - 1, values[t], (long long)t);
    return CADRE_OK;
}

static cadre_status check_inputs(const cadre_moe *m, const cadre_moe_batch *b)
{
    const moe_config *c = &m->config;
    if (c->router->traits & ROUTER_READS_IDS) {
        if (!b->ids)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "batch: router %s expects the tokens' ids, found none", c->router->name);
        CADRE_TRY(check_integers("batch: ids", b->ids, b->tokens, c->route.vocabulary));
    }
    for (int64_t t = 0; c->router->check_id && t < b->tokens; t++)
        CADRE_TRY(
            c->router->check_id(&c->route, c->experts, m->weights.router.own, b->ids[t], NULL));
    if (c->route.residual && !b->logits_before)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "batch: residual-logits expects the logits of the layer before, found none");
    return check_integers("batch: types", b->types, b->tokens, c->types.count ? c->types.count : 1);
}

static cadre_status check_batch(const cadre_moe *m, const cadre_moe_batch *b)
{
    if (b->tokens < 0 || b->tokens > m->most.tokens || b->sequences < 0 ||
        b->sequences > m->most.sequences)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "batch: expected up to %lld tokens in %lld sequences, found %lld in %lld",
            (long long)m->most.tokens, (long long)m->most.sequences, (long long)b->tokens,
            (long long)b->sequences);
    bool rising =
        !b->sequences || (b->start && b->start[0] == 0 && b->start[b->sequences] == b->tokens);
    for (int64_t s = 0; rising && s < b->sequences; s++) rising = b->start[s] <= b->start[s + 1];
    if (!rising)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "batch: expected the sequences' first tokens rising from 0 to %lld",
            (long long)b->tokens);
    return check_inputs(m, b);
}

static moe_call call_of(cadre_moe *m)
{
    return (moe_call){ .compute = m->compute,
        .batch = &m->batch,
        .scratch = m->scratch,
        .scratch_bytes = m->scratch_bytes,
        .balance = m->differentiates ? m->balance : NULL,
        .logits_before = m->logits_before,
        .dlogits_before = m->dlogits_before,
        .layer = m->layer };
}

/* Padding gives nothing: rows of y, or of its gradient, become 0. */
static void clear_padding(const cadre_moe *m, real *rows)
{
    int64_t tokens = m->batch.tokens, width = m->config.width;
    for (int64_t i = 0; m->batch.valid && i < m->config.route.tasks * tokens; i++)
        if (!m->batch.valid[i % tokens]) memset(rows + i * width, 0, (size_t)width * sizeof(real));
}

static cadre_status forward(
    cadre_moe *m, const cadre_moe_batch *batch, const cadre_real *x, cadre_real *y)
{
    static const cadre_moe_draws none = { 0 };
    const cadre_moe_draws *draws = batch->draws ? batch->draws : &none;
    CADRE_TRY(check_batch(m, batch));
    m->tokens_before += m->differentiates ? m->batch.tokens : 0;
    m->one[1] = batch->tokens;
    m->draws = (router_draws){ draws->normal, draws->inner, draws->gumbel, draws->uniform,
        draws->logistic };
    m->differentiates = batch->train || batch->differentiate;
    m->logits_before = batch->logits_before;
    m->dlogits_before = batch->logits_before_gradient;
    m->batch = (token_batch){ .tokens = batch->tokens,
        .valid = batch->valid,
        .sequences = batch->sequences ? batch->sequences : 1,
        .start = batch->sequences ? batch->start : m->one,
        .inputs = batch->ids,
        .types = batch->types,
        .random = { batch->train, m->seed, m->step, m->tokens_before, &m->draws } };
    m->x = m->differentiates ? x : NULL;
    moe_call call = call_of(m);
    CADRE_TRY(moe_layer_forward(&call, &m->config, &m->weights, x, &m->state, y));
    if (call.balance) balance_finish(m->balance);
    clear_padding(m, y);
    return CADRE_OK;
}

cadre_status cadre_moe_forward(
    cadre_moe *m, const cadre_moe_batch *batch, const cadre_real *x, cadre_real *y)
{
    CADRE_TRY(context_enter(m->context));
    return context_leave(m->context, forward(m, batch, x, y));
}

static cadre_status backward(cadre_moe *m, const cadre_real *dy, cadre_real *dx)
{
    if (!m->x)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "backward: expected a forward with train or differentiate before it, found none");
    moe_call call = call_of(m);
    if (m->batch.valid) {
        int64_t elements = m->config.route.tasks * m->batch.tokens * m->config.width;
        memcpy(m->dy, dy, (size_t)elements * sizeof(real));
        clear_padding(m, m->dy);
        dy = m->dy;
    }
    moe_layer_backward(&call, &m->config, &m->weights, &m->state, dy, dx, &m->gradients);
    m->gradients.accumulate = true;
    m->x = NULL;
    return CADRE_OK;
}

cadre_status cadre_moe_backward(cadre_moe *m, const cadre_real *dy, cadre_real *dx)
{
    CADRE_TRY(context_enter(m->context));
    return context_leave(m->context, backward(m, dy, dx));
}

/* ---- what happened ---- */

void cadre_moe_losses(const cadre_moe *m, double *aux, double *z)
{
    balance_values v = balance_value(m->balance);
    *aux = v.aux, *z = v.z;
}

bool cadre_moe_loss_at(const cadre_moe *m, int i, const char **name, double *value)
{
    balance_values v = balance_value(m->balance);
    if (i < v.terms) *name = v.term[i].name, *value = v.term[i].value;
    else if (i == v.terms && balance_has_z_loss(m->balance)) *name = "z", *value = v.z;
    else return false;
    return true;
}

bool cadre_moe_tensor_at(cadre_moe *m, int i, cadre_moe_tensor *tensor)
{
    router_tensor list[ROUTER_TENSORS];
    routing r = routing_of(m);
    int count = m->config.router->tensors ? m->config.router->tensors(&r, list) : 0;
    if (i < 0 || i >= count) return false;
    *tensor =
        (cadre_moe_tensor){ .name = list[i].name, .rank = list[i].rank, .values = list[i].values };
    memcpy(tensor->shape, list[i].shape, sizeof tensor->shape);
    return true;
}

_Static_assert(sizeof(gexp) == sizeof(int32_t), "a pick is its expert's id");

cadre_moe_routes cadre_moe_routes_get(const cadre_moe *m)
{
    const plan *p = &m->state.plan;
    return (cadre_moe_routes){ .tokens = p->tokens,
        .edges = p->edges,
        .start = p->token_start,
        .expert = &p->edge_expert->id,
        .weight = p->edge_weight,
        .row = p->edge_row,
        .capacity = p->capacity,
        .dropped = p->dropped,
        .rerouted = p->rerouted };
}

bool cadre_moe_next_overflow(const cadre_moe *m, int64_t *cursor, cadre_moe_overflow *overflow)
{
    plan_loss loss;
    if (!plan_next_loss(&m->state.plan, cursor, &loss)) return false;
    *overflow = (cadre_moe_overflow){ loss.token, loss.rank, loss.wanted.id, loss.instead.id };
    return true;
}

cadre_moe_metrics cadre_moe_metrics_get(const cadre_moe *m, const int64_t **count)
{
    balance_totals totals = balance_total(m->balance, 0);
    if (count) *count = totals.count;
    return metrics_of(&totals);
}
