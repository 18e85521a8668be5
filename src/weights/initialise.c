/* initialise.c - the rules of initialisation. */
#include "weights/initialise.h"

#include <math.h>

#include "base/random.h"
#include "op/parallel.h"

init_options init_options_of(
    const recipe *r, const model_config *config, const cadre_options *options, uint64_t seed)
{
    init_options o = { .rule = INIT_NORMAL,
        .scale = config->init_range,
        .variance = cadre_options_real(options, "init-scale"),
        .seed = seed };
    if (!r) return o;
    o.rule = r->init, o.scale = r->init_scale;
    o.zero_router = r->zero_router, o.unit_embedding = r->unit_embedding;
    return o;
}

/* The deviation of the taps of a convolution, which reads few elements whatever the width is; it is
 * PyTorch's for three taps. */
static const double TAPS_DEVIATION = 1.0 / 3;

static bool is_taps(const param *p)
{
    return p->role == ROLE_CONV || p->role == ROLE_CONV_Q || p->role == ROLE_CONV_K ||
           p->role == ROLE_CONV_V;
}

static double deviation_of(const param *p, const init_options *o)
{
    if (o->zero_router && p->kind == PARAM_ROUTER) return 0;
    if (o->unit_embedding && p->role == ROLE_EMBED) return 1;
    if (p->role == ROLE_ROUTER_NOISE)
        return 0; /* so that loads are equal at the start (Shazeer et al. 2017) */
    int64_t cols = param_is_routers_own(p->role) ? p->start.cols : p->cols;
    if (is_taps(p)) return TAPS_DEVIATION;
    double usual = o->rule == INIT_FAN_IN ? sqrt(o->scale / (double)cols) : o->scale;
    return usual * sqrt(o->variance);
}

/* The initialisation of Mamba-2: decays of 1 to 16, and step sizes of 0.001 to 0.1, uniform in
 * their logarithms. The bias b has softplus(b) = dt, that is, b = dt + log(1 - exp(-dt)). */
static bool starts_state(const param *p, random_key key, uint64_t at, real *value)
{
    if (p->role != ROLE_A_LOG && p->role != ROLE_DT_BIAS) return false;
    double u = random_uniform(key, at), dt = 0.001 * pow(100, u);
    *value = (real)(p->role == ROLE_A_LOG ? log(1 + 15 * u) : dt + log(-expm1(-dt)));
    return true;
}

/* The forget gates of an LSTM are open at the start (Gers et al. 2000; Jozefowicz et al. 2015). */
static bool is_forget_bias(const param *p, int64_t i)
{
    int64_t gate = p->cols / 4;
    return p->role == ROLE_LSTM_BIAS && i >= gate && i < 2 * gate;
}

/* Whether element i starts with a fixed value instead of a random one. */
static bool starts_with(const param *p, int64_t i, real *value)
{
    if (param_is_routers_own(p->role)) {
        router_parameter own = {
            .cols = p->start.cols, .start = p->start.kind, .value = p->start.value
        };
        return router_parameter_start(&own, p->start.experts, i, value);
    }
    bool one = p->kind == PARAM_NORM || p->role == ROLE_STATE_D || p->role == ROLE_ROUTER_OMEGA ||
               is_forget_bias(p, i);
    *value = one ? 1 : 0;
    return !is_taps(p) &&
           (p->kind == PARAM_NORM || p->kind == PARAM_BIAS || p->kind == PARAM_STATE);
}

/* A normal random number within two deviations; numbers outside are drawn again. */
static double truncated_normal(random_key key, uint64_t index)
{
    enum { TRIES = 8 };
    double x = 0;
    for (uint64_t i = 0; i < TRIES; i++) {
        x = random_normal(key, index * TRIES + i);
        if (fabs(x) <= 2) return x;
    }
    return x > 0 ? 2 : -2;
}

void param_initialise(const param *p, int64_t index, const init_options *o, int64_t begin,
    int64_t count, real *values)
{
    random_key key = random_key_of(o->seed, "weights", (uint64_t)index, 0);
    double deviation = deviation_of(p, o);
    for (int64_t i = 0; i < count; i++) {
        uint64_t at = (uint64_t)(begin + i);
        if (!starts_state(p, key, at, &values[i]) && !starts_with(p, begin + i, &values[i]))
            values[i] = (real)(deviation * (o->rule == INIT_NORMAL ? random_normal(key, at)
                                                                   : truncated_normal(key, at)));
    }
}

typedef struct init_task {
    const param_table *table;
    const init_options *options;
    real *values;
} init_task;

static void initialise_range(void *arg, int64_t begin, int64_t end)
{
    const init_task *t = arg;
    /* When a stop is requested, the values will not be used. */
    for (int64_t i = begin; i < end && !cadre_interrupted(); i++) {
        const param *p = &t->table->rows[i];
        param_initialise(p, p->index, t->options, param_elements_before(p), p->rows * p->cols,
            t->values + p->offset);
    }
}

void model_initialise(
    const compute *c, const param_table *table, const init_options *options, real *values)
{
    init_task task = { table, options, values };
    parallel_over(c, table->count, 1, table->elements, initialise_range, &task);
}
