/* layer_public.c - a sparse layer with weights, gradients and memory of its own, for a program that
 * has no model of ours.
 *
 * It is moe/layer.h and moe/balance.h behind one object. A layout function runs twice over an
 * arena, once to measure; the second run also lists the parameters. */
#include <string.h>

#include "base/options.h"
#include "base/random.h"
#include "base/sized.h"
#include "kernel/context.h"
#include "moe/layer.h"
#include "moe/metrics.h"
#include "moe/settings.h"

enum { EXPERT_PARAMETERS = 6, OTHER_PARAMETERS = 8 };

struct cadre_moe {
    cadre_context *context; /* borrowed */
    compute *compute;       /* of the context */
    moe_config config;
    batch_limits most;
    int32_t layer;
    arena memory;
    moe_weights weights;
    moe_gradients gradients;
    real *correction; /* [E]; NULL: the router has none */
    cadre_moe_parameter *parameter;
    int64_t parameters;
    moe_state state;
    void *scratch;
    size_t scratch_bytes;
    balance *balance;

    uint64_t seed, step;
    int64_t tokens_before; /* of this step, in batches before the one at hand */
    token_batch batch;     /* the last forward's */
    int64_t one[2];        /* start, where all tokens are one sequence */
    const real *x;         /* of a forward that awaits its backward; NULL: none does */
};

/* ---- parameters ---- */

/* Room for a parameter and its gradient; both NULL while measuring. */
static real *take(arena *a, int64_t count, real **gradient)
{
    real *values = ARENA_ARRAY(a, real, count);
    *gradient = ARENA_ARRAY(a, real, count);
    return values;
}

static void list(cadre_moe *m, const char *name, int32_t expert, int64_t rows, int64_t cols,
    real *values, real *gradient)
{
    if (values)
        m->parameter[m->parameters++] =
            (cadre_moe_parameter){ name, expert, rows, cols, values, gradient };
}

static real *take_listed(
    cadre_moe *m, arena *a, const char *name, int64_t rows, int64_t cols, real **gradient)
{
    real *values = take(a, rows * cols, gradient);
    list(m, name, -1, rows, cols, values, *gradient);
    return values;
}

static void layout_router(cadre_moe *m, arena *a)
{
    int64_t d = m->config.width, experts = m->config.experts;
    router_weights *w = &m->weights.router;
    router_gradients *g = &m->gradients.router;
    w->matrix =
        weight_of_floats(take_listed(m, a, "router.weight", experts, d, &g->matrix), experts, d);
    if (m->config.router_bias) w->bias = take_listed(m, a, "router.bias", 1, experts, &g->bias);
    if (m->config.router->traits & ROUTER_NOISE)
        w->noise =
            weight_of_floats(take_listed(m, a, "router.noise", experts, d, &g->noise), experts, d);
    if (!(m->config.router->traits & ROUTER_CORRECTION)) return;
    w->correction = m->correction = ARENA_ARRAY(a, real, experts);
    list(m, "router.correction", -1, 1, experts, m->correction, NULL);
}

/* One kind of matrix or vector of the experts: the tables of pointers that the layer reads. */
typedef struct expert_table {
    const char *name;
    int64_t rows, cols;
    const void **values; /* [E] */
    const real **biases; /* [E] the same, of vectors */
    real **gradients;    /* [E] */
} expert_table;

static expert_table table_of(
    arena *a, const char *name, int64_t experts, int64_t rows, int64_t cols)
{
    expert_table t = { .name = name, .rows = rows, .cols = cols };
    t.values = ARENA_ARRAY(a, const void *, experts);
    t.biases = ARENA_ARRAY(a, const real *, experts);
    t.gradients = ARENA_ARRAY(a, real *, experts);
    return t;
}

/* Expert by expert, the tables' parameters right behind each other: up stands behind gate, as
 * moe/experts.h likes it. */
static void fill_tables(cadre_moe *m, arena *a, const expert_table *tables, int count)
{
    int64_t each = 0;
    for (int i = 0; i < count; i++) each += tables[i].rows * tables[i].cols;
    for (int32_t e = 0; e < m->config.experts; e++) {
        real *gradient, *values = take(a, each, &gradient);
        for (int i = 0; values && i < count; i++) {
            const expert_table *t = &tables[i];
            t->values[e] = t->biases[e] = values, t->gradients[e] = gradient;
            list(m, t->name, e, t->rows, t->cols, values, gradient);
            values += t->rows * t->cols, gradient += t->rows * t->cols;
        }
    }
}

static weight view_of(const cadre_moe *m, const expert_table *t)
{
    return (weight){ .rows = t->rows,
        .cols = t->cols,
        .stride = t->cols,
        .experts = m->config.experts,
        .expert = t->values };
}

static void layout_experts(cadre_moe *m, arena *a)
{
    int64_t d = m->config.width, h = m->config.hidden, experts = m->config.experts;
    bool two = moe_config_inputs(&m->config) == 2;
    expert_weights *w = &m->weights.experts;
    expert_gradients *g = &m->gradients.experts;
    expert_table in[] = { table_of(a, "experts.gate", experts, h, d),
        table_of(a, "experts.up", experts, h, d) };
    expert_table down = table_of(a, "experts.down", experts, d, h);
    fill_tables(m, a, in, two ? 2 : 1);
    fill_tables(m, a, &down, 1);
    w->gate = view_of(m, &in[0]), g->gate = in[0].gradients;
    w->up = view_of(m, &in[two]), g->up = in[two].gradients;
    w->down = view_of(m, &down), g->down = down.gradients;
    w->joined = g->joined = two;
    if (!m->config.expert_bias) return;
    expert_table bias[] = { table_of(a, "experts.down.bias", experts, 1, d),
        table_of(a, "experts.gate.bias", experts, 1, h),
        table_of(a, "experts.up.bias", experts, 1, h) };
    fill_tables(m, a, bias, two ? 3 : 2);
    w->down_bias = bias[0].biases, g->down_bias = bias[0].gradients;
    w->gate_bias = bias[1].biases, g->gate_bias = bias[1].gradients;
    if (two) w->up_bias = bias[2].biases, g->up_bias = bias[2].gradients;
}

static void layout_shared(cadre_moe *m, arena *a)
{
    int64_t d = m->config.width, h = m->config.shared;
    moe_weights *w = &m->weights;
    moe_gradients *g = &m->gradients;
    bool two = moe_config_inputs(&m->config) == 2;
    if (!h) return;
    real *gradient, *in = take(a, (two ? 2 : 1) * h * d, &gradient);
    real *up = in && two ? in + h * d : NULL;
    w->shared_gate = weight_of_floats(in, h, d), g->shared_gate = gradient;
    list(m, "shared.gate", -1, h, d, in, gradient);
    if (up) {
        w->shared_up = weight_of_floats(up, h, d), g->shared_up = gradient + h * d;
        w->shared_joined = g->shared_joined = true;
        list(m, "shared.up", -1, h, d, up, g->shared_up);
    }
    w->shared_down =
        weight_of_floats(take_listed(m, a, "shared.down", d, h, &g->shared_down), d, h);
    if (m->config.shared_gated)
        w->shared_expert_gate = weight_of_floats(
            take_listed(m, a, "shared.weight", 1, d, &g->shared_expert_gate), 1, d);
}

static void layout(cadre_moe *m, arena *a)
{
    layout_router(m, a);
    layout_experts(m, a);
    layout_shared(m, a);
    moe_state_layout(&m->state, a, &m->config, &m->most);
    m->scratch_bytes = moe_scratch_bytes(&m->config, &m->most);
    m->scratch = arena_take(a, m->scratch_bytes, 1);
}

static void initialise(cadre_moe *m)
{
    for (int64_t i = 0; i < m->parameters; i++) {
        const cadre_moe_parameter *p = &m->parameter[i];
        random_key key = random_key_of(m->seed, "weights", (uint64_t)i, (uint64_t)m->layer);
        /* They start at 0 */
        if (!p->gradient || strstr(p->name, ".bias") || strstr(p->name, ".noise")) continue;
        for (int64_t j = 0; j < p->rows * p->cols; j++)
            p->values[j] = (real)(0.02 * random_normal(key, (uint64_t)j));
    }
}

int64_t cadre_moe_parameters(const cadre_moe *m) { return m->parameters; }
cadre_moe_parameter cadre_moe_parameter_at(const cadre_moe *m, int64_t i)
{
    return m->parameter[i];
}

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
    m->most = (batch_limits){
        .tokens = s->tokens, .sequences = s->sequences ? s->sequences : 1, .training = true
    };
    m->layer = s->layer;
    if (o) {
        settings_read_layer(o, c);
        CADRE_TRY(settings_read_balance(o, losses));
        CADRE_TRY(settings_check_router(o, c->router));
    }
    return moe_config_check(c, NULL);
}

static cadre_status open_memory(cadre_moe *m)
{
    arena measured = { 0 };
    int64_t most = OTHER_PARAMETERS + EXPERT_PARAMETERS * (int64_t)m->config.experts;
    if (moe_state_bytes(&m->config, &m->most) == SIZE_MAX ||
        moe_scratch_bytes(&m->config, &m->most) == SIZE_MAX)
        return cadre_fail(CADRE_ENOMEM, NULL,
            "a batch of %lld tokens does not fit the address space", (long long)m->most.tokens);
    layout(m, &measured);
    m->parameter = MEM_ARRAY(cadre_moe_parameter, most);
    if (!m->parameter || !arena_open(&m->memory, measured.used)) return CADRE_ENOMEM;
    layout(m, &m->memory);
    initialise(m);
    return CADRE_OK;
}

static cadre_status moe_open(
    cadre_moe *m, const cadre_moe_shape *shape, const cadre_options *options)
{
    balance_options losses = { 0 };
    CADRE_TRY(configure(m, shape, options, &losses));
    balance_layer layer = { m->config.router, m->config.experts, m->config.route.topk };
    CADRE_TRY(open_memory(m));
    return balance_new(&losses, &layer, 1, m->most.tokens, m->most.sequences, NULL, &m->balance);
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
    arena_close(&m->memory);
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

cadre_status cadre_moe_step_end(cadre_moe *m)
{
    CADRE_TRY(context_enter(m->context));
    balance_step_end(m->balance);
    if (m->correction) balance_update_bias(m->balance, 0, m->correction);
    return context_leave(m->context, CADRE_OK);
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
    return CADRE_OK;
}

static moe_call call_of(cadre_moe *m)
{
    return (moe_call){ .compute = m->compute,
        .batch = &m->batch,
        .scratch = m->scratch,
        .scratch_bytes = m->scratch_bytes,
        .balance = m->batch.random.train ? m->balance : NULL,
        .layer = m->layer };
}

static cadre_status forward(
    cadre_moe *m, const cadre_moe_batch *batch, const cadre_real *x, cadre_real *y)
{
    CADRE_TRY(check_batch(m, batch));
    m->tokens_before += m->batch.random.train ? m->batch.tokens : 0;
    m->one[1] = batch->tokens;
    m->batch = (token_batch){ .tokens = batch->tokens,
        .valid = batch->valid,
        .sequences = batch->sequences ? batch->sequences : 1,
        .start = batch->sequences ? batch->start : m->one,
        .random = { batch->train, m->seed, m->step, m->tokens_before, batch->normal } };
    m->x = batch->train ? x : NULL;
    moe_call call = call_of(m);
    CADRE_TRY(moe_layer_forward(&call, &m->config, &m->weights, x, &m->state, y));
    if (call.balance) balance_finish(m->balance);
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
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "backward: expected a forward with train before it, found none");
    moe_call call = call_of(m);
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
