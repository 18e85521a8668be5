/* decay_gate_test.c - decays of states against their formulas, soft and bounded, for each head and
 * for each row; what they are at the ends; their gradients. */
#include "mixer/decay_gate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/context.h"
#include "support/gradient.h"

enum { TOKENS = 5, HEADS = 3, EACH = 4, MOST = HEADS * EACH };

typedef struct gate_case {
    compute *compute;
    decay_gate gate;
    mixer_config config;
    mixer_weights weights;
    mixer_gradients gradients;
    token_batch batch;
    mixer_call call;
    arena kept, work;
    real a[TOKENS * MOST], logs[HEADS], bias[MOST], dlogs[HEADS], dbias[MOST];
    real weight[TOKENS * MOST], decay[TOKENS * MOST];
} gate_case;

static int64_t columns(const gate_case *g) { return g->gate.heads * g->gate.each; }

static void set_vector(gate_case *g, mixer_part part, real *values, real *d, int64_t count)
{
    g->weights.part[part] = (weight){ .rows = 1, .cols = count, .stride = count, .data = values };
    g->gradients.part[part] = d;
}

static gate_case *begin(int64_t each, double bound, int workers)
{
    static const int64_t start[] = { 0, TOKENS };
    static const batch_limits most = { .tokens = TOKENS, .sequences = 1, .training = true };
    gate_case *g = MEM_ARRAY(gate_case, 1);
    assert_non_null(g);
    assert_int_equal(compute_new(workers, NULL, &g->compute), CADRE_OK);
    g->gate = (decay_gate){ .heads = HEADS, .each = each, .bound = bound };
    g->batch = (token_batch){ .tokens = TOKENS, .sequences = 1, .start = start };
    g->call = (mixer_call){ .compute = g->compute,
        .config = &g->config,
        .weights = &g->weights,
        .batch = &g->batch,
        .most = &most };
    for (int lay = 0; lay < 2; lay++) {
        if (lay) {
            g->kept.base = mem_alloc(g->kept.size = g->kept.used, 1);
            g->work.base = mem_alloc(g->work.size = g->work.used, 1);
            assert_non_null(g->kept.base);
            assert_non_null(g->work.base);
            g->kept.used = g->work.used = 0;
        }
        decay_gate_lay_kept(&g->gate, &g->kept, &most);
        decay_gate_lay_workspace(&g->gate, &g->work, &most);
    }
    gradient_fill(g->a, TOKENS * MOST, 1, 1);
    gradient_fill(g->logs, HEADS, 2, 0.5);
    gradient_fill(g->bias, MOST, 3, 1);
    gradient_fill(g->weight, TOKENS * MOST, 4, 1);
    set_vector(g, MIXER_A_LOG, g->logs, g->dlogs, HEADS);
    set_vector(g, MIXER_DT_BIAS, g->bias, g->dbias, columns(g));
    return g;
}

static void end(gate_case *g)
{
    mem_free(g->kept.base);
    mem_free(g->work.base);
    compute_free(g->compute);
    mem_free(g);
}

static void forward(void *arg)
{
    gate_case *g = arg;
    size_t bytes = (size_t)(TOKENS * columns(g)) * sizeof(real);
    memcpy(g->gate.a, g->a, bytes);
    decay_gate_forward(&g->call, &g->gate);
    memcpy(g->decay, g->gate.decay, bytes);
}

static double defined(const gate_case *g, int64_t t, int64_t c)
{
    double rate = exp((double)g->logs[c / g->gate.each]),
           x = (double)g->a[t * columns(g) + c] + (double)g->bias[c];
    if (g->gate.bound == 0) return exp(-rate * log1p(exp(x)));
    return exp(g->gate.bound / (1 + exp(-rate * x)));
}

static void check_values(int64_t each, double bound)
{
    gate_case *g = begin(each, bound, 2);
    forward(g);
    for (int64_t t = 0; t < TOKENS; t++)
        for (int64_t c = 0; c < columns(g); c++)
            assert_true(fabs((double)g->decay[t * columns(g) + c] - defined(g, t, c)) < 1e-6);
    end(g);
}

static void values_are_the_formulas(void **state)
{
    (void)state;
    check_values(1, 0);
    check_values(EACH, 0);
    check_values(1, -5);
    check_values(EACH, -5);
}

/* However large a is, a decay is a number from 0 to 1. */
static void ends_are_numbers(void **state)
{
    (void)state;
    static const real ends[] = { -1e30f, -100, 0, 100, 1e30f };
    for (int bounded = 0; bounded < 2; bounded++) {
        gate_case *g = begin(1, bounded ? -5 : 0, 1);
        for (int t = 0; t < TOKENS; t++)
            for (int c = 0; c < HEADS; c++) g->a[t * HEADS + c] = ends[t];
        forward(g);
        for (int i = 0; i < TOKENS * HEADS; i++) {
            assert_true(g->decay[i] >= 0 && g->decay[i] <= 1);
            if (bounded) assert_true((double)g->decay[i] > 0.99 * exp(-5));
        }
        assert_true(g->decay[0] > REAL_C(0.999));
        end(g);
    }
}

static void check_gradients(int64_t each, double bound)
{
    gate_case *g = begin(each, bound, 3);
    int64_t n = columns(g);
    gradient_loss loss = {
        .forward = forward, .state = g, .part = { { g->decay, g->weight, TOKENS * n } }
    };
    forward(g);
    memcpy(g->gate.dg, g->weight, (size_t)(TOKENS * n) * sizeof(real));
    decay_gate_backward(&g->call, &g->gradients, &g->gate);
    real da[TOKENS * MOST];
    memcpy(da, g->gate.da, (size_t)(TOKENS * n) * sizeof(real));
    gradient_check(&loss, "a", g->a, da, TOKENS * n);
    gradient_check(&loss, "A", g->logs, g->dlogs, HEADS);
    gradient_check(&loss, "bias", g->bias, g->dbias, n);
    end(g);
}

static void gradients_are_those_of_values(void **state)
{
    (void)state;
    check_gradients(1, 0);
    check_gradients(EACH, 0);
    check_gradients(1, -5);
    check_gradients(EACH, -5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_formulas),
        cmocka_unit_test(ends_are_numbers),
        cmocka_unit_test(gradients_are_those_of_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
