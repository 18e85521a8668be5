/* upcycle.c - makes a sparse model of a dense one, whose feed-forwards become experts.
 *
 *     copy       every expert is the dense network (Komatsuzaki et al. 2022, arXiv 2212.05055)
 *     granular   the dense network is cut along its hidden width into G shards; expert r G + g is
 *                the r-th copy of shard g. The G experts of a copy have equal rows of the router.
 *                They tie, and of equals the lower index wins, so that K picks (a multiple of G)
 *                are whole copies (He et al. 2024, arXiv 2410.07524)
 *     drop       every expert is a copy in which a share of the hidden units, drawn for each
 *                expert, is replaced by normal numbers with the mean and deviation of the weights
 *                there (Nakamura et al. 2025, arXiv 2502.19261)
 *
 * If a token's weights sum to `sum`, the layer's output is sum * dense for copy and sum / G * dense
 * for granular. Therefore the matrix `down` is multiplied by 1 / sum or G / sum. This is exact for
 * every form of expert, while scaling gate or up is not, because SiLU is not homogeneous. Where the
 * sum is 1 only if all logits are equal, the router starts at zero. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "grow/derivation.h"
#include "grow/growth.h"
#include "grow/sparsify.h"
#include "kernel/context.h"

typedef enum upcycle_method { COPY, GRANULAR, DROP } upcycle_method;

static const char *const method_names[] = { "copy", "granular", "drop" };

typedef struct upcycling {
    model_input dense;
    model_config config; /* of the sparse model */
    upcycle_method method;
    int64_t granularity; /* G; 1 except for granular */
    double drop;         /* the share of hidden units that are replaced */
    new_router router;
    uint64_t seed;
} upcycling;

/* ---- what the sparse model is ---- */

static cadre_status read_options(upcycling *u, const cadre_options *o)
{
    const char *name = cadre_options_text(o, "method", 0);
    while (strcmp(method_names[u->method], name) != 0) u->method++;
    u->granularity = u->method == GRANULAR ? cadre_options_int(o, "granularity", 0) : 1;
    u->drop = u->method == DROP ? cadre_options_real(o, "drop") : 0;
    u->seed = (uint64_t)cadre_options_int(o, "seed", 0);
    u->router = (new_router){
        .deviation = cadre_options_real(o, "router-init"), .alike = u->granularity, .seed = u->seed
    };
    if (cadre_options_given(o, "granularity") && u->method != GRANULAR)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--granularity: expected --method granular, which reads it, found %s", name);
    if (cadre_options_given(o, "drop") && u->method != DROP)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--drop: expected --method drop, which reads it, found %s", name);
    return CADRE_OK;
}

/* For granular: checks the shards that make up the dense network and are picked together. */
static cadre_status check_shards(const upcycling *u, int64_t experts, int64_t topk)
{
    int64_t g = u->granularity, width = u->dense.config.dense_width;
    if (width % g)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--granularity: expected a divisor of the hidden width of %lld, found %lld",
            (long long)width, (long long)g);
    if (experts % g || topk % g)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--%s: expected a multiple of the %lld shards, found %lld",
            experts % g ? "experts" : "topk", (long long)g,
            (long long)(experts % g ? experts : topk));
    return CADRE_OK;
}

/* Decides whether the router must start at zero to keep the function. */
static cadre_status keep_function(upcycling *u, const growth_run *g)
{
    bool fixed;
    CADRE_TRY(new_router_fit(&u->router, &u->config, &fixed));
    if (fixed) return CADRE_OK;
    if (cadre_options_given(g->options, "router-init") && u->router.deviation > 0)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--router-init: expected 0, for the router %s keeps the dense model's function only as "
            "long as its logits are equal, found %g",
            u->config.router->name, u->router.deviation);
    u->router.deviation = 0;
    growth_note(g,
        "the router's weights start at zero: other ones would make this router's weights of a "
        "token sum to another number");
    return CADRE_OK;
}

static cadre_status choose(upcycling *u, const growth_run *g)
{
    const cadre_options *o = g->options;
    const model_config *dense = &u->dense.config;
    CADRE_TRY(read_options(u, o));
    CADRE_TRY(sparsify_check_dense(dense, g->path));
    const sparse_form form = { .experts = cadre_options_int(o, "experts", 0),
        .topk = options_int_or(o, "topk", u->method == GRANULAR ? u->granularity : 2),
        .width = dense->dense_width / u->granularity,
        .every = cadre_options_int(o, "every", 0),
        .router = router_by_name(cadre_options_text(o, "router", 0)) };
    CADRE_TRY(check_shards(u, form.experts, form.topk));
    CADRE_TRY(model_config_copy(dense, &u->config));
    CADRE_TRY(sparsify(&form, g->path, &u->config));
    CADRE_TRY(keep_function(u, g));
    return sparsify_choose_layout(g->path, &g->listener, &u->config);
}

/* ---- where parameters come from ---- */

/* The number that an expert's down matrix, and its bias, are multiplied by */
static double down_factor(const upcycling *u) { return (double)u->granularity / u->router.sum; }
static double bias_factor(const upcycling *u) { return 1 / u->router.sum; }

static bool is_changed(const upcycling *u, param_role role)
{
    switch (role) {
    case ROLE_EXPERT_GATE:
    case ROLE_EXPERT_UP: return u->method != COPY;
    case ROLE_EXPERT_DOWN: return u->method != COPY || down_factor(u) != 1;
    case ROLE_EXPERT_GATE_BIAS:
    case ROLE_EXPERT_UP_BIAS: return u->method == GRANULAR;
    case ROLE_EXPERT_DOWN_BIAS: return bias_factor(u) != 1;
    default: return false;
    }
}

static void origin_of(void *arg, const param *p, origin *o)
{
    const upcycling *u = arg;
    param_role role = sparsify_dense_role(p->role);
    if (sparsify_is_router(p->role)) {
        o->made = true;
        o->input = -1;
    } else if (role != p->role) {
        o->made = is_changed(u, p->role);
        o->from = derivation_param(&u->dense, role, p->layer, -1);
    }
}

/* ---- parameters that are made ---- */

/* Takes shard g of the dense matrix: rows of gate and up, columns of down, elements of their
 * biases. */
static void take_shard(
    const upcycling *u, const param *p, const param *from, const real *dense, real *values)
{
    int64_t g = p->expert % u->granularity;
    bool by_column = p->role == ROLE_EXPERT_DOWN || param_is_vector(p);
    if (p->role == ROLE_EXPERT_DOWN_BIAS) by_column = false, g = 0;
    int64_t first_row = by_column ? 0 : g * p->rows, first_col = by_column ? g * p->cols : 0;
    for (int64_t r = 0; r < p->rows; r++)
        memcpy(values + r * p->cols, dense + (first_row + r) * from->cols + first_col,
            (size_t)p->cols * sizeof *values);
}

/* Whether hidden unit h of an expert is replaced: the same answer for gate, up and down. */
static bool begins_anew(const upcycling *u, const param *p, int64_t h, int64_t hidden)
{
    random_key key =
        random_key_of(u->seed, "dropped units", (uint64_t)p->layer, (uint64_t)p->expert);
    return random_permute(key, (uint64_t)hidden, (uint64_t)h) <
           (uint64_t)(u->drop * (double)hidden);
}

/* Replaces those hidden units by random ones with the mean and deviation of the old ones. */
static cadre_status drop_units(const upcycling *u, const param *p, real *values)
{
    bool down = p->role == ROLE_EXPERT_DOWN;
    int64_t hidden = down ? p->cols : p->rows, others = down ? p->rows : p->cols, count = 0;
    int64_t unit = down ? 1 : p->cols, other = down ? p->cols : 1; /* steps */
    bool *anew = MEM_ARRAY(bool, hidden);
    double sum = 0, squares = 0;
    if (!anew) return CADRE_ENOMEM;
    for (int64_t h = 0; h < hidden; h++) count += anew[h] = begins_anew(u, p, h, hidden);
    for (int64_t h = 0; h < hidden; h++)
        for (int64_t i = 0; anew[h] && i < others; i++) sum += (double)values[h * unit + i * other];
    double mean = count ? sum / (double)(count * others) : 0;
    for (int64_t h = 0; h < hidden; h++)
        for (int64_t i = 0; anew[h] && i < others; i++) {
            double d = (double)values[h * unit + i * other] - mean;
            squares += d * d;
        }
    double deviation = count ? sqrt(squares / (double)(count * others)) : 0;
    random_key key = random_key_of(
        u->seed, "new units", (uint64_t)p->layer, (uint64_t)p->role << 32 | (uint32_t)p->expert);
    for (int64_t h = 0; h < hidden; h++)
        for (int64_t i = 0; anew[h] && i < others; i++)
            values[h * unit + i * other] =
                (real)(mean + deviation * random_normal(key, (uint64_t)(h * others + i)));
    mem_free(anew);
    return CADRE_OK;
}

static void scale(real *values, int64_t count, double factor)
{
    for (int64_t i = 0; factor != 1 && i < count; i++)
        values[i] = (real)((double)values[i] * factor);
}

static cadre_status make(void *arg, const param *p, real *values)
{
    const upcycling *u = arg;
    if (sparsify_is_router(p->role)) {
        new_router_make(&u->router, p, values);
        return CADRE_OK;
    }
    param from = derivation_param(&u->dense, sparsify_dense_role(p->role), p->layer, -1);
    real *dense = MEM_ARRAY(real, from.rows * from.cols);
    cadre_status status = dense ? derivation_read(&u->dense, &from, dense) : CADRE_ENOMEM;
    if (status == CADRE_OK) take_shard(u, p, &from, dense, values);
    mem_free(dense);
    CADRE_TRY(status);
    bool bias = param_is_vector(p);
    if (u->method == DROP && !bias) CADRE_TRY(drop_units(u, p, values));
    if (p->role == ROLE_EXPERT_DOWN) scale(values, p->rows * p->cols, down_factor(u));
    if (p->role == ROLE_EXPERT_DOWN_BIAS) scale(values, p->cols, bias_factor(u));
    return CADRE_OK;
}

/* ---- the whole model ---- */

static cadre_status write_sparse(upcycling *u, const growth_run *g)
{
    CADRE_TRY(model_input_open(g->path, path_is_gguf(g->out), &u->dense));
    CADRE_TRY(choose(u, g));
    const derivation d = { .config = &u->config,
        .inputs = &u->dense,
        .count = 1,
        .origin = origin_of,
        .make = make,
        .arg = u };
    return derivation_write(g->context->compute, &d, g->out, &g->listener);
}

static cadre_status upcycle(
    growth_run *g, const cadre_output_listener *listener, cadre_growth *growth)
{
    upcycling u = { 0 };
    cadre_status status = growth_begin(g, listener, growth);
    if (status == CADRE_OK) status = write_sparse(&u, g);
    model_config_free(&u.config);
    model_input_close(&u.dense);
    if (status == CADRE_OK) status = growth_end(g, growth);
    growth_close(g);
    return status;
}

cadre_status cadre_upcycle(cadre_context *context, const char *dense, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth)
{
    growth_run g = { .context = context, .path = dense, .out = out, .options = options };
    CADRE_TRY(context_enter(context));
    return context_leave(context, upcycle(&g, listener, growth));
}
