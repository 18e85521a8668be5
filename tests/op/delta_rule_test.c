/* delta_rule_test.c - the gated delta rule against its definition; token by token, beside other
 * sequences and with any number of workers the same bits; gradients against central differences. */
#include "op/delta_rule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "kernel/context.h"
#include "support/gradient.h"

enum {
    HEADS = 4,
    KEY_HEADS = 2,
    KEY = 6,
    VALUE = 5,
    TOKENS = 75,
    SEQUENCES = 3,
    KEYS = KEY_HEADS * KEY,
    VALUES = HEADS * VALUE,
    DECAYS = HEADS * KEY,
    STATE = HEADS * KEY * VALUE
};
/* The last is longer than two runs of tokens between states that are kept. */
static const int64_t start[] = { 0, 1, 7, TOKENS };

typedef struct numbers {
    real q[TOKENS * KEYS], k[TOKENS * KEYS], v[TOKENS * VALUES], decay[TOKENS * DECAYS],
        beta[TOKENS * HEADS], o[TOKENS * VALUES], dout[TOKENS * VALUES];
    real dq[TOKENS * KEYS], dk[TOKENS * KEYS], dv[TOKENS * VALUES], ddecay[TOKENS * DECAYS],
        dbeta[TOKENS * HEADS];
    real states[SEQUENCES * STATE];
    compute *compute;
    delta_rule rule;
    batch_limits most;
    arena kept, work;
} numbers;

static void fill(real *values, int64_t count, uint64_t use, double from, double to)
{
    random_key key = random_key_of(5, "values", use, 0);
    for (int64_t i = 0; i < count; i++)
        values[i] = (real)(from + random_uniform(key, (uint64_t)i) * (to - from));
}

static void lay(numbers *n, bool measure)
{
    int workers = n->compute->workers;
    if (measure) {
        n->kept = n->work = (arena){ 0 };
    } else {
        n->kept.base = mem_alloc(n->kept.size = n->kept.used, 1);
        n->work.base = mem_alloc(n->work.size = n->work.used, 1);
        n->kept.used = n->work.used = 0;
        assert_non_null(n->kept.base);
        assert_non_null(n->work.base);
    }
    delta_rule_lay_kept(&n->rule, &n->kept, &n->most);
    delta_rule_lay_workspace(&n->rule, &n->work, &n->most, workers);
}

static numbers *begin(int workers, bool tiled, bool by_row, bool training)
{
    numbers *n = MEM_ARRAY(numbers, 1);
    assert_non_null(n);
    assert_int_equal(compute_new(workers, NULL, &n->compute), CADRE_OK);
    n->rule = (delta_rule){ .heads = HEADS,
        .key_heads = KEY_HEADS,
        .key_dim = KEY,
        .value_dim = VALUE,
        .tiled = tiled,
        .by_row = by_row };
    n->most = (batch_limits){ .tokens = TOKENS, .sequences = SEQUENCES, .training = training };
    lay(n, true);
    lay(n, false);
    fill(n->q, TOKENS * KEYS, 0, -1, 1);
    fill(n->k, TOKENS * KEYS, 1, -1, 1);
    fill(n->v, TOKENS * VALUES, 2, -1, 1);
    fill(n->decay, TOKENS * DECAYS, 3, 0.5, 1);
    fill(n->beta, TOKENS * HEADS, 4, 0, 1);
    fill(n->dout, TOKENS * VALUES, 5, -1, 1);
    return n;
}

static void end(numbers *n)
{
    mem_free(n->kept.base);
    mem_free(n->work.base);
    compute_free(n->compute);
    mem_free(n);
}

static int64_t decays(const numbers *n) { return n->rule.by_row ? DECAYS : HEADS; }

static delta_inputs inputs(const numbers *n, int64_t t)
{
    return (delta_inputs){ .q = rows_from(n->q + t * KEYS, KEYS),
        .k = rows_from(n->k + t * KEYS, KEYS),
        .v = rows_from(n->v + t * VALUES, VALUES),
        .decay = rows_from(n->decay + t * decays(n), decays(n)),
        .beta = rows_from(n->beta + t * HEADS, HEADS) };
}

static void forward(void *arg)
{
    numbers *n = arg;
    token_batch b = { .tokens = TOKENS, .sequences = SEQUENCES, .start = start };
    delta_inputs in = inputs(n, 0);
    delta_rule_forward(n->compute, &n->rule, &b, &in, NULL, NULL, rows_to(n->o, VALUES));
}

/* ---- the definition, in double ---- */

static double length(const real *x)
{
    double sum = 1e-6;
    for (int i = 0; i < KEY; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static void define_token(const numbers *n, int64_t t, int h, double s[KEY][VALUE], double *o)
{
    int g = n->rule.tiled ? h % KEY_HEADS : h / (HEADS / KEY_HEADS);
    const real *q = n->q + t * KEYS + g * KEY, *k = n->k + t * KEYS + g * KEY;
    double wide = length(k), query = length(q) * sqrt(KEY), said[VALUE] = { 0 };
    for (int i = 0; i < KEY; i++)
        for (int j = 0; j < VALUE; j++) {
            s[i][j] *= (double)n->decay[n->rule.by_row ? t * DECAYS + h * KEY + i : t * HEADS + h];
            said[j] += s[i][j] * (double)k[i] / wide;
        }
    for (int j = 0; j < VALUE; j++) o[j] = 0;
    for (int i = 0; i < KEY; i++)
        for (int j = 0; j < VALUE; j++) {
            double change = (double)n->v[t * VALUES + h * VALUE + j] - said[j];
            s[i][j] += (double)k[i] / wide * (double)n->beta[t * HEADS + h] * change;
            o[j] += s[i][j] * (double)q[i] / query;
        }
}

static void check_definition(bool tiled, bool by_row)
{
    numbers *n = begin(2, tiled, by_row, false);
    forward(n);
    for (int i = 0; i < SEQUENCES; i++)
        for (int h = 0; h < HEADS; h++) {
            double s[KEY][VALUE] = { { 0 } }, o[VALUE];
            for (int64_t t = start[i]; t < start[i + 1]; t++) {
                define_token(n, t, h, s, o);
                for (int j = 0; j < VALUE; j++)
                    assert_true(fabs((double)n->o[t * VALUES + h * VALUE + j] - o[j]) < 1e-5);
            }
        }
    end(n);
}

static void outputs_are_as_defined(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) check_definition(form & 1, form & 2);
}

/* ---- the same bits ---- */

static void workers_change_nothing(void **state)
{
    (void)state;
    numbers *one = begin(1, false, true, false);
    forward(one);
    for (int workers = 2; workers <= 3; workers++) {
        numbers *n = begin(workers, false, true, false);
        forward(n);
        assert_memory_equal(n->o, one->o, sizeof n->o);
        end(n);
    }
    end(one);
}

/* States go from pass to pass, in place or from one to another. */
static void token_by_token_is_the_same(void **state)
{
    (void)state;
    static const int64_t one[] = { 0, 1 };
    token_batch single = { .tokens = 1, .sequences = 1, .start = one };
    numbers *n = begin(1, true, false, false), *m = begin(1, true, false, false);
    real other[STATE], *there = other;
    forward(n);
    for (int64_t i = 0; i < SEQUENCES; i++) {
        real *own = n->states + i * STATE;
        const real *from = NULL;
        for (int64_t t = start[i]; t < start[i + 1]; t++) {
            delta_inputs in = inputs(n, t);
            real o[VALUES];
            delta_rule_forward(n->compute, &m->rule, &single, &in, &from, t % 3 ? &own : &there,
                rows_to(o, VALUES));
            assert_memory_equal(o, n->o + t * VALUES, sizeof o);
            from = t % 3 ? own : there;
        }
    }
    end(n);
    end(m);
}

/* ---- gradients ---- */

static void check_gradients(bool tiled, bool by_row)
{
    numbers *n = begin(2, tiled, by_row, true);
    token_batch b = { .tokens = TOKENS, .sequences = SEQUENCES, .start = start };
    delta_inputs in = inputs(n, 0);
    delta_gradients out = { .q = rows_to(n->dq, KEYS),
        .k = rows_to(n->dk, KEYS),
        .v = rows_to(n->dv, VALUES),
        .decay = rows_to(n->ddecay, decays(n)),
        .beta = rows_to(n->dbeta, HEADS) };
    gradient_loss loss = {
        .forward = forward, .state = n, .part = { { n->o, n->dout, TOKENS * VALUES } }, .limit = 300
    };
    forward(n);
    delta_rule_backward(n->compute, &n->rule, &b, &in, rows_from(n->dout, VALUES), &out);
    gradient_check(&loss, "q", n->q, n->dq, TOKENS * KEYS);
    gradient_check(&loss, "k", n->k, n->dk, TOKENS * KEYS);
    gradient_check(&loss, "v", n->v, n->dv, TOKENS * VALUES);
    gradient_check(&loss, "decay", n->decay, n->ddecay, TOKENS * decays(n));
    gradient_check(&loss, "beta", n->beta, n->dbeta, TOKENS * HEADS);
    end(n);
}

static void gradients_are_those_of_outputs(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) check_gradients(form & 1, form & 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_as_defined),
        cmocka_unit_test(workers_change_nothing),
        cmocka_unit_test(token_by_token_is_the_same),
        cmocka_unit_test(gradients_are_those_of_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
