/* state_space_test.c - a state space against its definition, at once, token by token and beside
 * other sequences, with any number of workers; its gradients against central differences. */
#include "op/state_space.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "kernel/context.h"
#include "support/gradient.h"

enum {
    HEADS = 6,
    DIM = 5,
    GROUPS = 2,
    STATE = 9,
    INNER = HEADS * DIM,
    ROW = INNER + 2 * GROUPS * STATE,
    PAST = INNER * STATE,
    SEQUENCES = 4,
    TOKENS = 1 + 40 + 64 + 2
};
static const int64_t start[] = { 0, 1, 41, 105, TOKENS };
static const batch_limits most = { .tokens = TOKENS, .sequences = SEQUENCES, .training = true };

typedef struct numbers {
    compute *compute;
    state_space space;
    real a_log[HEADS], d[HEADS], da_log[HEADS], dd[HEADS];
    real xbc[TOKENS * ROW], dt[TOKENS * HEADS], y[TOKENS * INNER];
    real dxbc[TOKENS * ROW], ddt[TOKENS * HEADS], dy[TOKENS * INNER];
    real before[SEQUENCES * PAST], after[SEQUENCES * PAST];
    real *kept;
    real scratch[3 * DIM * STATE];
    bool begun;    /* the sequences have pasts */
    bool discards; /* the states after them are not wanted */
} numbers;

static numbers *begin(int workers)
{
    numbers *n = MEM_ARRAY(numbers, 1);
    assert_non_null(n);
    assert_int_equal(compute_new(workers, NULL, &n->compute), CADRE_OK);
    n->space = (state_space){ .heads = HEADS,
        .head_dim = DIM,
        .groups = GROUPS,
        .state = STATE,
        .a_log = n->a_log,
        .d = n->d,
        .da_log = n->da_log,
        .dd = n->dd };
    gradient_fill(n->a_log, HEADS, 1, 1);
    gradient_fill(n->d, HEADS, 2, 1);
    gradient_fill(n->xbc, TOKENS * ROW, 3, 0.7);
    gradient_fill(n->dt, TOKENS * HEADS, 4, 1);
    for (int i = 0; i < TOKENS * HEADS; i++) n->dt[i] = real_fabs(n->dt[i]) * REAL_C(0.3);
    gradient_fill(n->dy, TOKENS * INNER, 5, 1);
    gradient_fill(n->before, SEQUENCES * PAST, 6, 1);
    n->kept = MEM_ARRAY(real, state_space_kept(&n->space, &most));
    assert_non_null(n->kept);
    return n;
}

static void end(numbers *n)
{
    compute_free(n->compute);
    mem_free(n->kept);
    mem_free(n);
}

static token_batch batch(void)
{
    return (token_batch){ .tokens = TOKENS, .sequences = SEQUENCES, .start = start };
}

static void forward(void *arg)
{
    numbers *n = arg;
    token_batch b = batch();
    const real *before[SEQUENCES];
    real *after[SEQUENCES];
    for (int i = 0; i < SEQUENCES; i++) {
        before[i] = n->before + i * PAST;
        after[i] = n->after + i * PAST;
    }
    state_space_states states = { n->begun ? before : NULL, n->discards ? NULL : after, n->scratch,
        n->kept };
    state_space_forward(n->compute, &n->space, &b, &states, rows_from(n->xbc, ROW),
        rows_from(n->dt, HEADS), rows_to(n->y, INNER));
}

/* ---- forward ---- */

static void near(double got, double expected)
{
    if (!(fabs(got - expected) < 1e-4 * fmax(1, fabs(expected))))
        fail_msg("%.9g, expected %.9g", got, expected);
}

/* One head of one sequence by the definition, in double */
static void check_head(const numbers *n, int i, int head)
{
    double h[DIM][STATE];
    int group = head / (HEADS / GROUPS);
    for (int p = 0; p < DIM; p++)
        for (int j = 0; j < STATE; j++)
            h[p][j] = n->begun ? (double)n->before[i * PAST + (head * DIM + p) * STATE + j] : 0;
    for (int64_t t = start[i]; t < start[i + 1]; t++) {
        const real *x = n->xbc + t * ROW + head * DIM,
                   *b = n->xbc + t * ROW + INNER + group * STATE, *c = b + GROUPS * STATE;
        double dt = (double)n->dt[t * HEADS + head], a = exp(-dt * exp((double)n->a_log[head]));
        for (int p = 0; p < DIM; p++) {
            double y = (double)n->d[head] * (double)x[p];
            for (int j = 0; j < STATE; j++) {
                h[p][j] = a * h[p][j] + dt * (double)x[p] * (double)b[j];
                y += h[p][j] * (double)c[j];
            }
            near((double)n->y[t * INNER + head * DIM + p], y);
        }
    }
    for (int p = 0; p < DIM; p++)
        for (int j = 0; j < STATE; j++)
            near((double)n->after[i * PAST + (head * DIM + p) * STATE + j], h[p][j]);
}

static void outputs_are_those_of_the_definition(void **state)
{
    (void)state;
    for (int begun = 0; begun < 2; begun++) {
        numbers *n = begin(2);
        n->begun = begun;
        forward(n);
        for (int i = 0; i < SEQUENCES; i++)
            for (int head = 0; head < HEADS; head++) check_head(n, i, head);
        end(n);
    }
}

/* One token of sequence i from and to the same state */
static void one_token(numbers *n, int64_t t, const real *before, real *after, real y[INNER])
{
    static const int64_t one[] = { 0, 1 };
    token_batch single = { .tokens = 1, .sequences = 1, .start = one };
    state_space_states states = { before ? &before : NULL, &after, NULL, NULL };
    state_space_forward(n->compute, &n->space, &single, &states, rows_from(n->xbc + t * ROW, ROW),
        rows_from(n->dt + t * HEADS, HEADS), rows_to(y, INNER));
}

static void token_by_token_is_the_same(void **state)
{
    (void)state;
    real past[PAST], y[INNER];
    numbers *n = begin(1);
    forward(n);
    for (int i = 0; i < SEQUENCES; i++) {
        for (int64_t t = start[i]; t < start[i + 1]; t++) {
            one_token(n, t, t == start[i] ? NULL : past, past, y);
            assert_memory_equal(y, n->y + t * INNER, sizeof y);
        }
        assert_memory_equal(past, n->after + i * PAST, sizeof past);
    }
    end(n);
}

static void states_may_be_discarded(void **state)
{
    (void)state;
    numbers *n = begin(3), *other = begin(2);
    other->discards = true;
    forward(n);
    forward(other);
    assert_memory_equal(n->y, other->y, sizeof n->y);
    for (int i = 0; i < SEQUENCES * PAST; i++) assert_true(other->after[i] == 0);
    end(n);
    end(other);
}

/* ---- backward ---- */

static void backward(numbers *n)
{
    token_batch b = batch();
    state_space *s = &n->space;
    state_space_memory m = { .kept = n->kept,
        .workers = MEM_ARRAY(real, n->compute->workers * state_space_worker(s)),
        .shared = MEM_ARRAY(real, state_space_shared(s, &most)) };
    state_space_inputs in = { rows_from(n->xbc, ROW), rows_from(n->dt, HEADS),
        rows_from(n->dy, INNER) };
    assert_true(m.workers && m.shared);
    forward(n);
    state_space_backward(n->compute, s, &b, &m, &in, rows_to(n->dxbc, ROW), rows_to(n->ddt, HEADS));
    mem_free(m.workers);
    mem_free(m.shared);
}

static void workers_change_no_bit(void **state)
{
    (void)state;
    numbers *one = begin(1);
    backward(one);
    for (int workers = 2; workers <= 3; workers++) {
        numbers *n = begin(workers);
        backward(n);
        assert_memory_equal(n->y, one->y, sizeof n->y);
        assert_memory_equal(n->after, one->after, sizeof n->after);
        assert_memory_equal(n->dxbc, one->dxbc, sizeof n->dxbc);
        assert_memory_equal(n->ddt, one->ddt, sizeof n->ddt);
        assert_memory_equal(n->da_log, one->da_log, sizeof n->da_log);
        assert_memory_equal(n->dd, one->dd, sizeof n->dd);
        end(n);
    }
    end(one);
}

static void gradients_are_the_slopes(void **state)
{
    (void)state;
    numbers *n = begin(2);
    backward(n);
    gradient_loss loss = {
        .forward = forward, .state = n, .part = { { n->y, n->dy, TOKENS * INNER } }, .limit = 300
    };
    gradient_check(&loss, "x, B and C", n->xbc, n->dxbc, TOKENS * ROW);
    gradient_check(&loss, "dt", n->dt, n->ddt, TOKENS * HEADS);
    gradient_check(&loss, "a_log", n->a_log, n->da_log, HEADS);
    gradient_check(&loss, "d", n->d, n->dd, HEADS);
    end(n);
}

static void gradients_are_added_where_asked(void **state)
{
    (void)state;
    numbers *once = begin(1), *more = begin(1);
    backward(once);
    more->space.accumulate = true;
    for (int i = 0; i < HEADS; i++) more->da_log[i] = 3, more->dd[i] = -2;
    backward(more);
    for (int i = 0; i < HEADS; i++) {
        near((double)more->da_log[i], (double)once->da_log[i] + 3);
        near((double)more->dd[i], (double)once->dd[i] - 2);
    }
    end(once);
    end(more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_those_of_the_definition),
        cmocka_unit_test(token_by_token_is_the_same),
        cmocka_unit_test(states_may_be_discarded),
        cmocka_unit_test(workers_change_no_bit),
        cmocka_unit_test(gradients_are_the_slopes),
        cmocka_unit_test(gradients_are_added_where_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
