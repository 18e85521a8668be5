/* layer_parameters.c - the parameters of a public sparse layer: their memory, the names under which
 * they are listed, and what they start with. */
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "moe/layer_public.h"

enum {
    EXPERT_PARAMETERS = 6,
    OTHER_PARAMETERS = 20 + ROUTER_OWN_PARAMETERS,
    BANK_PARAMETERS = 2,
    NAME_SIZE = ROUTER_TYPE_NAME + 24,
};

int64_t layer_parameters_most(const moe_config *c)
{
    return OTHER_PARAMETERS + EXPERT_PARAMETERS * (int64_t)c->experts +
           BANK_PARAMETERS * c->route.banks;
}

/* Room for a parameter and its gradient; both NULL while measuring. */
static real *take(arena *a, int64_t count, real **gradient)
{
    real *values = ARENA_ARRAY(a, real, count);
    *gradient = ARENA_ARRAY(a, real, count);
    return values;
}

/* A shape as files have it: [slices, rows, cols], with slices 0 [rows, cols], with rows 0 too
 * [cols].
 */
typedef struct file_shape {
    int64_t slices, rows, cols;
} file_shape;

static file_shape vector_shape(int64_t n) { return (file_shape){ 0, 0, n }; }
static file_shape matrix_shape(int64_t rows, int64_t cols) { return (file_shape){ 0, rows, cols }; }

static cadre_moe_parameter parameter_of(file_shape s)
{
    return (cadre_moe_parameter){ .expert = -1,
        .rows = (s.slices ? s.slices : 1) * (s.rows ? s.rows : 1),
        .cols = s.cols,
        .rank = 1 + (s.rows > 0) + (s.slices > 0),
        .slices = s.slices };
}

static void list(
    cadre_moe *m, const char *name, int32_t expert, file_shape s, real *values, real *gradient)
{
    cadre_moe_parameter p = parameter_of(s);
    p.name = name, p.expert = expert, p.values = values, p.gradient = gradient;
    if (values) m->parameter[m->parameters++] = p;
}

static real *take_listed(cadre_moe *m, arena *a, const char *name, file_shape s, real **gradient)
{
    cadre_moe_parameter p = parameter_of(s);
    real *values = take(a, p.rows * p.cols, gradient);
    list(m, name, -1, s, values, *gradient);
    return values;
}

/* A matrix that is listed, as a weight. */
static weight take_matrix(
    cadre_moe *m, arena *a, const char *name, int64_t rows, int64_t cols, real **gradient)
{
    return weight_of_floats(
        take_listed(m, a, name, matrix_shape(rows, cols), gradient), rows, cols);
}

/* "text.router.weight" of a bank; the name itself where there are none. */
static const char *bank_name(cadre_moe *m, arena *a, int32_t bank, const char *name)
{
    if (!m->config.route.banks) return name;
    char *full = ARENA_ARRAY(a, char, NAME_SIZE);
    if (full) snprintf(full, NAME_SIZE, "%s.%s", m->config.types.name[bank], name);
    return full;
}

/* ---- the router's ---- */

/* The parameters that only this router has. A state has no gradient. */
static void layout_own(cadre_moe *m, arena *a)
{
    router_parameter p[ROUTER_OWN_PARAMETERS];
    int count = router_parameters(
        m->config.router, &m->config.route, m->config.width, m->config.experts, p);
    for (int i = 0; i < count; i++) {
        int64_t elements = router_parameter_count(&p[i]);
        real *gradient = NULL, *values = ARENA_ARRAY(a, real, elements);
        if (p[i].trained) gradient = ARENA_ARRAY(a, real, elements);
        list(m, p[i].name, -1, (file_shape){ p[i].slices, p[i].rows, p[i].cols }, values, gradient);
        if (values) m->parameter[m->parameters - 1].integers = p[i].integers;
        m->own[i] = values, m->weights.router.own[i] = values;
        m->gradients.router.own[i] = gradient;
    }
}

/* One matrix of all experts, listed bank by bank, or task by task. */
static void layout_router_matrix(cadre_moe *m, arena *a, int64_t rows)
{
    const router_options *o = &m->config.route;
    int64_t d = m->config.width, first = 0;
    real *gradient, *values = take(a, rows * d, &gradient);
    m->weights.router.matrix = weight_of_floats(values, rows, d);
    m->gradients.router.matrix = gradient;
    if (!o->banks)
        list(m, "router.weight", -1,
            o->tasks > 1 ? (file_shape){ o->tasks, rows / o->tasks, d } : matrix_shape(rows, d),
            values, gradient);
    for (int32_t i = 0; i < o->banks; first += o->bank_experts[i++]) {
        const char *name = bank_name(m, a, i, "router.weight");
        if (values)
            list(m, name, -1, matrix_shape(o->bank_experts[i], d), values + first * d,
                gradient + first * d);
    }
}

static void layout_correction(cadre_moe *m, arena *a)
{
    const router_options *o = &m->config.route;
    int64_t first = 0;
    m->weights.router.correction = m->correction = ARENA_ARRAY(a, real, m->config.experts);
    if (!o->banks)
        list(m, "router.correction", -1, vector_shape(m->config.experts), m->correction, NULL);
    for (int32_t i = 0; i < o->banks; first += o->bank_experts[i++]) {
        const char *name = bank_name(m, a, i, "router.correction");
        if (m->correction)
            list(m, name, -1, vector_shape(o->bank_experts[i]), m->correction + first, NULL);
    }
}

static void layout_router(cadre_moe *m, arena *a)
{
    int64_t d = m->config.width, experts = m->config.experts,
            rows = router_matrix_rows(m->config.router, &m->config.route, m->config.experts);
    router_weights *w = &m->weights.router;
    router_gradients *g = &m->gradients.router;
    uint32_t traits = m->config.router->traits;
    if (rows) layout_router_matrix(m, a, rows);
    if (m->config.router_bias)
        w->bias = take_listed(m, a, "router.bias", vector_shape(rows), &g->bias);
    if (traits & ROUTER_NOISE && !(traits & ROUTER_HIERARCHY))
        w->noise = take_matrix(m, a, "router.noise", experts, d, &g->noise);
    layout_own(m, a);
    if (traits & ROUTER_CORRECTION) layout_correction(m, a);
}

/* ---- the experts' ---- */

/* One kind of matrix or vector of the experts: the tables of pointers that the layer reads. */
typedef struct expert_table {
    const char *name;
    int32_t experts;
    int64_t rows, cols;
    bool is_vector;
    const void **values; /* [E] */
    const real **biases; /* [E] the same, of vectors */
    real **gradients;    /* [E] */
} expert_table;

static expert_table table_of(
    arena *a, const char *name, int32_t experts, int64_t rows, int64_t cols)
{
    expert_table t = { .name = name, .experts = experts, .rows = rows, .cols = cols };
    t.values = ARENA_ARRAY(a, const void *, experts);
    t.biases = ARENA_ARRAY(a, const real *, experts);
    t.gradients = ARENA_ARRAY(a, real *, experts);
    return t;
}

/* Expert by expert, the tables' parameters right behind each other: up stands behind gate, which
 * moe/experts.h computes fastest. */
static void fill_tables(cadre_moe *m, arena *a, const expert_table *tables, int count)
{
    int64_t each = 0;
    for (int i = 0; i < count; i++) each += tables[i].rows * tables[i].cols;
    for (int32_t e = 0; e < tables[0].experts; e++) {
        real *gradient, *values = take(a, each, &gradient);
        for (int i = 0; values && i < count; i++) {
            const expert_table *t = &tables[i];
            t->values[e] = t->biases[e] = values, t->gradients[e] = gradient;
            list(m, t->name, e,
                t->is_vector ? vector_shape(t->cols) : matrix_shape(t->rows, t->cols), values,
                gradient);
            m->parameter[m->parameters - 1].experts = t->experts;
            values += t->rows * t->cols, gradient += t->rows * t->cols;
        }
    }
}

static weight view_of(const expert_table *t)
{
    return (weight){ .rows = t->rows,
        .cols = t->cols,
        .stride = t->cols,
        .experts = t->experts,
        .expert = t->values };
}

static expert_table vector_table(arena *a, const char *name, int32_t experts, int64_t n)
{
    expert_table t = table_of(a, name, experts, 1, n);
    t.is_vector = true;
    return t;
}

static void layout_expert_biases(cadre_moe *m, arena *a, int32_t experts, int64_t d, int64_t h,
    expert_weights *w, expert_gradients *g)
{
    bool two = moe_config_inputs(&m->config) == 2;
    expert_table bias[] = { vector_table(a, "experts.down.bias", experts, d),
        vector_table(a, "experts.gate.bias", experts, h),
        vector_table(a, "experts.up.bias", experts, h) };
    fill_tables(m, a, bias, two ? 3 : 2);
    w->down_bias = bias[0].biases, g->down_bias = bias[0].gradients;
    w->gate_bias = bias[1].biases, g->gate_bias = bias[1].gradients;
    if (two) w->up_bias = bias[2].biases, g->up_bias = bias[2].gradients;
}

/* The experts of a bank, or all that have weights. */
static void layout_bank(
    cadre_moe *m, arena *a, int32_t bank, expert_weights *w, expert_gradients *g)
{
    const moe_config *c = &m->config;
    int32_t experts = c->route.banks ? c->route.bank_experts[bank] : moe_config_weighted(c);
    int64_t d = c->latent ? c->latent : c->width, h = moe_config_bank_hidden(c, bank);
    bool two = moe_config_inputs(c) == 2;
    expert_table in[] = { table_of(a, bank_name(m, a, bank, "experts.gate"), experts, h, d),
        table_of(a, bank_name(m, a, bank, "experts.up"), experts, h, d) };
    expert_table down = table_of(a, bank_name(m, a, bank, "experts.down"), experts, d, h);
    fill_tables(m, a, in, two ? 2 : 1);
    fill_tables(m, a, &down, 1);
    w->gate = view_of(&in[0]), g->gate = in[0].gradients;
    w->up = view_of(&in[two]), g->up = in[two].gradients;
    w->down = view_of(&down), g->down = down.gradients;
    w->joined = g->joined = two;
    if (c->expert_bias) layout_expert_biases(m, a, experts, d, h, w, g);
}

static void layout_experts(cadre_moe *m, arena *a)
{
    for (int32_t i = 0; i < m->config.route.banks; i++)
        layout_bank(m, a, i, &m->bank_weights[i], &m->bank_gradients[i]);
    if (m->config.route.banks) {
        m->weights.bank = m->bank_weights;
        m->gradients.bank = m->bank_gradients;
    } else layout_bank(m, a, 0, &m->weights.experts, &m->gradients.experts);
}

/* ---- what stands beside and behind them ---- */

/* An expert that every token passes through: gate and up of it in one block. */
typedef struct token_expert {
    const char *names[3]; /* gate, up, down */
    int64_t hidden;
    weight gate, up, down;
    real *dgate, *dup, *ddown;
    bool joined;
} token_expert;

static void layout_token_expert(cadre_moe *m, arena *a, token_expert *e)
{
    int64_t d = m->config.width, h = e->hidden;
    bool two = moe_config_inputs(&m->config) == 2;
    real *gradient, *in = take(a, (two ? 2 : 1) * h * d, &gradient);
    real *up = in && two ? in + h * d : NULL;
    e->gate = weight_of_floats(in, h, d), e->dgate = gradient;
    list(m, e->names[0], -1, matrix_shape(h, d), in, gradient);
    if (up) {
        e->up = weight_of_floats(up, h, d), e->dup = gradient + h * d;
        e->joined = true;
        list(m, e->names[1], -1, matrix_shape(h, d), up, e->dup);
    }
    e->down = take_matrix(m, a, e->names[2], d, h, &e->ddown);
}

static void layout_shared(cadre_moe *m, arena *a)
{
    moe_weights *w = &m->weights;
    moe_gradients *g = &m->gradients;
    token_expert e = { { "shared.gate", "shared.up", "shared.down" }, .hidden = m->config.shared };
    if (!e.hidden) return;
    layout_token_expert(m, a, &e);
    w->shared_gate_proj = e.gate, w->shared_up = e.up, w->shared_down = e.down;
    g->shared_gate_proj = e.dgate, g->shared_up = e.dup, g->shared_down = e.ddown;
    w->shared_joined = g->shared_joined = e.joined;
    if (m->config.shared_gated)
        w->shared_expert_gate =
            take_matrix(m, a, "shared.weight", 1, m->config.width, &g->shared_expert_gate);
}

static void layout_residual(cadre_moe *m, arena *a)
{
    moe_weights *w = &m->weights;
    moe_gradients *g = &m->gradients;
    token_expert e = { { "residual.gate", "residual.up", "residual.down" },
        .hidden = m->config.residual };
    if (!e.hidden) return;
    layout_token_expert(m, a, &e);
    w->residual_gate = e.gate, w->residual_up = e.up, w->residual_down = e.down;
    g->residual_gate = e.dgate, g->residual_up = e.dup, g->residual_down = e.ddown;
    w->residual_joined = g->residual_joined = e.joined;
    w->coefficient = take_matrix(m, a, "coefficient.weight", 2, m->config.width, &g->coefficient);
    w->coefficient_bias =
        take_listed(m, a, "coefficient.bias", vector_shape(2), &g->coefficient_bias);
}

static void layout_others(cadre_moe *m, arena *a)
{
    const moe_config *c = &m->config;
    int64_t d = c->width, l = c->latent;
    moe_weights *w = &m->weights;
    moe_gradients *g = &m->gradients;
    if (l) {
        w->latent_down = take_matrix(m, a, "latent.down", l, d, &g->latent_down);
        w->latent_up = take_matrix(m, a, "latent.up", d, l, &g->latent_up);
    }
    if (c->constants) {
        w->constant_weight = take_listed(
            m, a, "constant.weight", (file_shape){ c->constants, 2, d }, &g->constant_weight);
        w->constant_value =
            take_listed(m, a, "constant.value", matrix_shape(c->constants, d), &g->constant_value);
    }
    if (c->route.omega) w->omega = take_listed(m, a, "router.omega", vector_shape(d), &g->omega);
}

void layer_parameters_layout(cadre_moe *m, arena *a)
{
    layout_router(m, a);
    layout_experts(m, a);
    layout_shared(m, a);
    layout_residual(m, a);
    layout_others(m, a);
    moe_state_layout(&m->state, a, &m->config, &m->most);
    m->dy = ARENA_ARRAY(a, real, m->config.route.tasks * m->most.tokens * m->config.width);
    m->scratch_bytes = moe_scratch_bytes(&m->config, &m->most);
    m->scratch = arena_take(a, m->scratch_bytes, 1);
}

static bool is_named(const cadre_moe_parameter *p, const char *end)
{
    size_t all = strlen(p->name), size = strlen(end);
    return all >= size && !strcmp(p->name + all - size, end);
}

static void fill(const cadre_moe_parameter *p, real value)
{
    for (int64_t j = 0; j < p->rows * p->cols; j++) p->values[j] = value;
}

/* Returns whether a parameter does not start at random: with a value that has no effect yet, or
 * with what the router says. */
static bool starts_fixed(const cadre_moe *m, const cadre_moe_parameter *p)
{
    router_parameter own[ROUTER_OWN_PARAMETERS];
    int count = router_parameters(
        m->config.router, &m->config.route, m->config.width, m->config.experts, own);
    for (int i = 0; i < count; i++) {
        if (p->values != m->own[i]) continue;
        for (int64_t j = 0; j < p->rows * p->cols; j++)
            if (!router_parameter_start(&own[i], m->config.experts, j, &p->values[j])) return false;
        return true;
    }
    if (is_named(p, "router.omega")) fill(p, 1);
    return !p->gradient || is_named(p, ".bias") || is_named(p, ".noise") ||
           is_named(p, "router.omega");
}

void layer_parameters_initialise(cadre_moe *m)
{
    for (int64_t i = 0; i < m->parameters; i++) {
        const cadre_moe_parameter *p = &m->parameter[i];
        random_key key = random_key_of(m->seed, "weights", (uint64_t)i, (uint64_t)m->layer);
        if (starts_fixed(m, p)) continue;
        for (int64_t j = 0; j < p->rows * p->cols; j++)
            p->values[j] = (real)(0.02 * random_normal(key, (uint64_t)j));
    }
}

int64_t cadre_moe_parameters(const cadre_moe *m) { return m->parameters; }
cadre_moe_parameter cadre_moe_parameter_at(const cadre_moe *m, int64_t i)
{
    return m->parameter[i];
}
