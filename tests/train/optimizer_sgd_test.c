/* optimizer_sgd_test.c - gradient descent with momentum against its formula in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/stepped.h"
#include "support/within.h"

static optimizer_options options(void)
{
    return (optimizer_options){ .method = optimizer_method_by_name("sgd"),
        .momentum = 0.9,
        .weight_decay = 0.1,
        .keep_norms = true };
}

/* Traps: decay outside of the momentum, dampening, Nesterov momentum, the same rate for routers. */
static void test_steps(void **state)
{
    (void)state;
    optimizer_options o = options();
    real *values = stepped_values(), *got = stepped_run(&o, 2);
    for (int p = 0; p < STEPPED_PARAMS; p++) {
        const param *row = stepped_param(p);
        double lr = p == STEPPED_ROUTER ? stepped_router_lr : stepped_lr;
        double decay = p == STEPPED_NORM ? 0 : o.weight_decay, m = 0;
        double w = (double)values[row->offset + 3];
        for (int64_t t = 1; t <= STEPPED_STEPS; t++) {
            real *gradient = stepped_gradient(t);
            m = o.momentum * m + (double)gradient[row->offset + 3] + decay * w;
            w -= lr * m;
            mem_free(gradient);
        }
        assert_within(got[row->offset + 3], w, 1e-6);
    }
    mem_free(values);
    mem_free(got);
}

static void test_clipping(void **state)
{
    (void)state;
    optimizer_options o = options(), large = options();
    o.momentum = o.weight_decay = large.momentum = large.weight_decay = 0;
    o.clip = 0.1;
    real *values = stepped_values(), *clipped = stepped_run(&o, 2), *free = stepped_run(&large, 2);
    double moved = 0, norm = 0;
    const param *row = stepped_param(STEPPED_LARGE);
    for (int64_t i = row->offset; i < row->offset + row->rows * row->cols; i++) {
        moved += fabs((double)(clipped[i] - values[i]));
        norm += fabs((double)(free[i] - values[i]));
    }
    assert_true(moved < norm / 2 && moved > 0);
    mem_free(values);
    mem_free(clipped);
    mem_free(free);
}

static void test_same_bits(void **state)
{
    (void)state;
    optimizer_options o = options();
    stepped_same_bits(&o);
    stepped_freezes_router(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_clipping),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
