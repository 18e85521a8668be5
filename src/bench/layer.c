/* layer.c - measures what sparsity costs: a training step of a sparse layer, compared with that of
 * a dense feed-forward with the same active work.
 *
 * Both are SwiGLU without biases on the same kernels, forward and backward, with gradients of
 * weights and inputs. Only the sparse layer has routing, dispatch, combination and balancing
 * losses. The two take turns. The best times of a round give a ratio, and the median over the
 * rounds is the answer. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "bench/limits.h"
#include "bench/result.h"
#include "kernel/context.h"
#include "moe/layer.h"

enum {
    WIDTH = 512,
    HIDDEN = 256,
    EXPERTS = 64,
    PICKS = 8,
    DENSE = PICKS * HIDDEN,
    ROUNDS = 5,
    TURNS = 3
};

/* The three matrices of a feed-forward and their gradients, [experts] of each. Gate and up are
 * neighbours. */
typedef struct matrices {
    real *values, *gradient;
    const void *gate[EXPERTS], *up[EXPERTS], *down[EXPERTS];
    real *dgate[EXPERTS], *dup[EXPERTS], *ddown[EXPERTS];
    expert_weights weights;
    expert_gradients gradients;
} matrices;

typedef struct bench {
    compute *c;
    int64_t tokens, start[2];
    arena arena;
    real *x, *dy, *y, *dx; /* [T, D] */
    matrices sparse, dense;
    real *router, *drouter; /* [E, D] */
    moe_config config;
    moe_state state;
    void *scratch;
    size_t scratch_bytes;
    balance *balance;
    real *dense_pre, *dense_act; /* [T, 2 * DENSE], [T, DENSE] */
} bench;

/* ---- what runs ---- */

static void run_sparse(bench *b)
{
    token_batch batch = {
        .tokens = b->tokens, .sequences = 1, .start = b->start, .random = { .train = true }
    };
    moe_call call = { .compute = b->c,
        .batch = &batch,
        .scratch = b->scratch,
        .scratch_bytes = b->scratch_bytes,
        .balance = b->balance };
    moe_weights w = { .router.matrix = weight_of_floats(b->router, EXPERTS, WIDTH),
        .experts = b->sparse.weights };
    moe_gradients g = { .router.matrix = b->drouter, .experts = b->sparse.gradients };
    balance_step_begin(b->balance, 1, b->tokens);
    moe_layer_forward(&call, &b->config, &w, b->x, &b->state, b->y);
    balance_finish(b->balance);
    moe_layer_backward(&call, &b->config, &w, &b->state, b->dy, b->dx, &g);
}

static void run_dense(bench *b)
{
    gemm_group group[2];
    int32_t wanted[1];
    expert_pass pass = { .compute = b->c,
        .weights = &b->dense.weights,
        .width = WIDTH,
        .hidden = DENSE,
        .pre = b->dense_pre,
        .act = b->dense_act,
        .group = group,
        .wanted = wanted,
        .form = row_activation_by_name(b->c->variant->rows, "swiglu") };
    pass.rows = (expert_rows){ .experts = 1, .first = b->start };
    experts_forward(&pass, b->x, b->y);
    experts_backward(&pass, b->x, b->dy, &b->dense.gradients, NULL, b->dx, false);
}

static double seconds_of(void (*run)(bench *), bench *b)
{
    double begin = clock_seconds();
    run(b);
    return clock_seconds() - begin;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double ratio(bench *b)
{
    double ratios[ROUNDS];
    run_sparse(b), run_dense(b); /* touches the memory */
    for (int i = 0; i < ROUNDS; i++) {
        double sparse = INFINITY, dense = INFINITY;
        for (int turn = 0; turn < TURNS; turn++) {
            sparse = fmin(sparse, seconds_of(run_sparse, b));
            dense = fmin(dense, seconds_of(run_dense, b));
        }
        ratios[i] = sparse / dense;
    }
    qsort(ratios, ROUNDS, sizeof *ratios, ascending);
    return ratios[ROUNDS / 2];
}

/* ---- what it runs on ---- */

static void fill(real *values, int64_t count, uint64_t use, double deviation)
{
    random_key key = random_key_of(1, "bench layer", use, 0);
    for (int64_t i = 0; i < count && values; i++)
        values[i] = (real)(deviation * random_normal(key, (uint64_t)i));
}

static weight view(const void *const *pointers, int experts, int64_t rows, int64_t cols)
{
    return (weight){
        .rows = rows, .cols = cols, .stride = cols, .experts = experts, .expert = pointers
    };
}

static void layout_matrices(matrices *m, arena *a, int experts, int64_t hidden)
{
    int64_t one = WIDTH * hidden;
    m->values = ARENA_ARRAY(a, real, 3 * one * experts);
    m->gradient = ARENA_ARRAY(a, real, 3 * one * experts);
    if (!m->values) return;
    for (int e = 0; e < experts; e++) {
        real *w = m->values + 3 * one * e, *d = m->gradient + 3 * one * e;
        m->gate[e] = w, m->up[e] = w + one, m->down[e] = w + 2 * one;
        m->dgate[e] = d, m->dup[e] = d + one, m->ddown[e] = d + 2 * one;
    }
    m->weights = (expert_weights){ .gate = view(m->gate, experts, hidden, WIDTH),
        .up = view(m->up, experts, hidden, WIDTH),
        .down = view(m->down, experts, WIDTH, hidden),
        .joined = true };
    m->gradients =
        (expert_gradients){ .gate = m->dgate, .up = m->dup, .down = m->ddown, .joined = true };
    fill(m->values, 3 * one * experts, 0, 0.03);
}

static void layout(bench *b, arena *a)
{
    batch_limits most = { .tokens = b->tokens, .sequences = 1 };
    int64_t elements = b->tokens * WIDTH;
    b->x = ARENA_ARRAY(a, real, elements), b->dy = ARENA_ARRAY(a, real, elements);
    b->y = ARENA_ARRAY(a, real, elements), b->dx = ARENA_ARRAY(a, real, elements);
    b->router = ARENA_ARRAY(a, real, EXPERTS * WIDTH),
    b->drouter = ARENA_ARRAY(a, real, EXPERTS * WIDTH);
    b->dense_pre = ARENA_ARRAY(a, real, b->tokens * 2 * DENSE),
    b->dense_act = ARENA_ARRAY(a, real, b->tokens * DENSE);
    layout_matrices(&b->sparse, a, EXPERTS, HIDDEN);
    layout_matrices(&b->dense, a, 1, DENSE);
    moe_state_layout(&b->state, a, &b->config, &most);
    b->scratch_bytes = moe_scratch_bytes(&b->config, &most);
    b->scratch = arena_take(a, b->scratch_bytes, 1);
}

static cadre_status bench_open(bench *b)
{
    balance_options losses = { .z_loss = 1e-3 };
    balance_layer layer = moe_balance_layer(&b->config);
    arena measured = { 0 };
    balance_add(&losses, "load", 1e-2, BALANCE_MICRO, BALANCE_LAYER);
    CADRE_TRY(balance_new(
        &losses, &layer, 1, &(batch_limits){ .tokens = b->tokens, .sequences = 1 }, &b->balance));
    layout(b, &measured);
    if (!arena_open(&b->arena, measured.used)) return CADRE_ENOMEM;
    layout(b, &b->arena);
    fill(b->x, b->tokens * WIDTH, 1, 1);
    fill(b->dy, b->tokens * WIDTH, 2, 0.01);
    fill(b->router, EXPERTS * WIDTH, 3, 0.02);
    return CADRE_OK;
}

static cadre_status put_line(int64_t tokens, double value, cadre_line_listener line, void *arg)
{
    json_writer w = result_new();
    json_put_int(&w, "tokens", tokens);
    json_put_real(&w, "ratio_dense", value);
    return result_put(&w, line, arg);
}

static cadre_status bench_tokens(compute *c, int64_t tokens, cadre_line_listener line, void *arg)
{
    bench *b = MEM_ARRAY(bench, 1);
    if (!b) return CADRE_ENOMEM;
    *b = (bench){ .c = c, .tokens = tokens, .start = { 0, tokens } };
    moe_config_init(&b->config, router_by_name("softmax"), WIDTH, HIDDEN, EXPERTS, PICKS);
    cadre_status status = bench_open(b);
    if (status == CADRE_OK) status = put_line(tokens, ratio(b), line, arg);
    balance_free(b->balance);
    arena_close(&b->arena);
    mem_free(b);
    return status;
}

static cadre_status bench_layer(cadre_context *context, cadre_line_listener line, void *arg)
{
    static const int64_t tokens[] = { 512, 2048, 4096 };
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        CADRE_TRY(bench_tokens(context->compute, tokens[i], line, arg));
    return CADRE_OK;
}

cadre_status cadre_bench_layer(cadre_context *context, cadre_line_listener line, void *arg)
{
    CADRE_TRY(context_enter(context));
    return context_leave(context, bench_layer(context, line, arg));
}
