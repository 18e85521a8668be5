/* stepped.c - see stepped.h. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "kernel/context.h"
#include "support/gradient.h"
#include "support/stepped.h"
#include "support/succeeds.h"

const double stepped_lr = 0.01, stepped_router_lr = 0.004;

#define AT(n) (((n) + 15) / 16 * 16)
enum {
    WIDE = 6 * 11,
    TALL = 13 * 5,
    LARGE = 150 * 240,
    ROUTER = 4 * 9,
    EMBED = 17 * 6,
    NORM = 21,
    AT_TALL = AT(WIDE),
    AT_LARGE = AT_TALL + AT(TALL),
    AT_ROUTER = AT_LARGE + AT(LARGE),
    AT_EMBED = AT_ROUTER + AT(ROUTER),
    AT_NORM = AT_EMBED + AT(EMBED),
    ELEMENTS = AT_NORM + AT(NORM),
};

#define ROW(r, k, n, m, at)                                                                        \
    {                                                                                              \
        .role = r, .kind = k, .layer = 0, .expert = -1, .rows = n, .cols = m, .offset = at,        \
        .whole = k == PARAM_NORM ? m : n                                                           \
    }

static param rows[STEPPED_PARAMS] = {
    ROW(ROLE_EXPERT_GATE, PARAM_MATRIX, 6, 11, 0),
    ROW(ROLE_EXPERT_DOWN, PARAM_MATRIX, 13, 5, AT_TALL),
    ROW(ROLE_Q, PARAM_MATRIX, 150, 240, AT_LARGE),
    ROW(ROLE_ROUTER, PARAM_ROUTER, 4, 9, AT_ROUTER),
    ROW(ROLE_EMBED, PARAM_EMBEDDING, 17, 6, AT_EMBED),
    ROW(ROLE_FFN_NORM, PARAM_NORM, 1, 21, AT_NORM),
};
static const param_table table = { rows, STEPPED_PARAMS, ELEMENTS, 0, 0 };

const param_table *stepped_table(void) { return &table; }

static real *filled(uint64_t seed, double scale)
{
    real *x = MEM_ARRAY(real, ELEMENTS);
    assert_non_null(x);
    gradient_fill(x, ELEMENTS, seed, (real)scale);
    return x;
}

real *stepped_values(void) { return filled(1, 1); }
real *stepped_gradient(int64_t step) { return filled((uint64_t)step + 1, 0.01 * (double)step); }

static void take_step(optimizer *o, real *values, int64_t t)
{
    real *gradient = stepped_gradient(t);
    double norm = optimizer_gradient_norm(o, gradient);
    optimizer_step(o, values, gradient, norm, stepped_lr, stepped_router_lr, t);
    mem_free(gradient);
}

real *stepped_run(const optimizer_options *options, int threads)
{
    compute *c;
    optimizer *o;
    real *values = stepped_values();
    succeeds(compute_new(threads, NULL, &c));
    succeeds(optimizer_new(c, &table, options, &o));
    for (int64_t t = 1; t <= STEPPED_STEPS; t++) take_step(o, values, t);
    optimizer_free(o);
    compute_free(c);
    return values;
}

/* The states of one optimiser become those of another, as a checkpoint brings them. */
static void copy_states(optimizer *from, optimizer *to)
{
    assert_int_equal(optimizer_states(from), optimizer_states(to));
    for (int i = 0; i < optimizer_states(from); i++) {
        optimizer_state a = optimizer_state_at(from, i), b = optimizer_state_at(to, i);
        for (int64_t p = 0; p < a.table->count; p++) {
            const param *x = &a.table->rows[p];
            if (x->kind == PARAM_STATE) continue;
            memcpy(b.values + x->offset, a.values + x->offset,
                (size_t)(x->rows * x->cols) * sizeof(real));
        }
    }
}

static real *run_resumed(const optimizer_options *options)
{
    compute *c;
    optimizer *o, *resumed;
    real *values = stepped_values();
    succeeds(compute_new(2, NULL, &c));
    succeeds(optimizer_new(c, &table, options, &o));
    succeeds(optimizer_new(c, &table, options, &resumed));
    for (int64_t t = 1; t <= 2; t++) take_step(o, values, t);
    copy_states(o, resumed);
    for (int64_t t = 3; t <= STEPPED_STEPS; t++) take_step(resumed, values, t);
    optimizer_free(o);
    optimizer_free(resumed);
    compute_free(c);
    return values;
}

void stepped_same_bits(const optimizer_options *options)
{
    size_t bytes = ELEMENTS * sizeof(real);
    real *one = stepped_run(options, 1), *resumed = run_resumed(options);
    for (int threads = 2; threads <= 3; threads++) {
        real *several = stepped_run(options, threads);
        assert_memory_equal(one, several, bytes);
        mem_free(several);
    }
    assert_memory_equal(one, resumed, bytes);
    mem_free(one);
    mem_free(resumed);
}

void stepped_freezes_router(const optimizer_options *options)
{
    optimizer_options frozen = *options;
    frozen.freeze.router = (freeze_range){ 0, INT64_MAX };
    real *before = stepped_values(), *after = stepped_run(&frozen, 2);
    const param *frozen_part = stepped_param(STEPPED_ROUTER), *tall = stepped_param(STEPPED_TALL);
    assert_memory_equal(
        before + frozen_part->offset, after + frozen_part->offset, (size_t)ROUTER * sizeof(real));
    assert_true(before[tall->offset] != after[tall->offset]);
    mem_free(before);
    mem_free(after);
}
