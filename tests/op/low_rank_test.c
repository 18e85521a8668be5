/* low_rank_test.c - pairs beside a matrix: values, gradients, any cut of the tokens, gathered rows,
 * and the same bits on every variant. */
#include "kernel/context.h"
#include "op/linear.h"
#include "op/low_rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/near.h"
#include "support/same_bits.h"

enum { T = 7, K = 19, N = 37, R = 3, XS = K + 3, YS = N + 2 };

typedef struct layer {
    compute *c;
    linear l;
    low_rank pair;
    real x[T * XS], w[N * K], y[T * YS], dy[T * YS], dx[T * XS];
    real a[R * K], b[N * R], da[R * K], db[N * R];
} layer;

static void layer_fill(layer *s, compute *c)
{
    memset(s, 0, sizeof *s);
    s->c = c;
    gradient_fill(s->x, T * XS, 1, 1);
    gradient_fill(s->w, N * K, 2, 1);
    gradient_fill(s->a, R * K, 3, 1);
    gradient_fill(s->b, N * R, 4, 1);
    for (int t = 0; t < T; t++) gradient_fill(s->dy + t * YS, N, 10 + (uint64_t)t, 1);
    s->pair = (low_rank){
        .rank = R, .in = K, .out = N, .scale = 2, .a = s->a, .b = s->b, .da = s->da, .db = s->db
    };
    s->l.w = weight_of_floats(s->w, N, K);
    s->l.w.pairs = &s->pair;
    assert_int_equal(low_rank_reserve(c, T, R), CADRE_OK);
}

static void forward(void *state)
{
    layer *s = state;
    linear_forward(s->c, &s->l, T, rows_from(s->x, XS), rows_to(s->y, YS));
}

static void backward(layer *s, int64_t begin, int64_t end)
{
    s->l.accumulate = begin > 0;
    linear_backward(s->c, &s->l, end - begin, rows_from(s->x + begin * XS, XS),
        rows_from(s->dy + begin * YS, YS), rows_to(s->dx + begin * XS, XS));
}

static int set_up(void **state)
{
    static layer s;
    compute *c;
    if (compute_new(2, NULL, &c) != CADRE_OK) return -1;
    layer_fill(&s, c);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    compute_free(((layer *)*state)->c);
    return 0;
}

/* (s x a^T) b^T + x w^T */
static double value(const layer *s, int t, int n)
{
    double sum = 0;
    for (int k = 0; k < K; k++) {
        double beside = 0;
        for (int r = 0; r < R; r++) beside += (double)s->b[n * R + r] * (double)s->a[r * K + k];
        sum += (double)s->x[t * XS + k] * ((double)s->w[n * K + k] + 2 * beside);
    }
    return sum;
}

static void test_values(void **state)
{
    layer *s = *state;
    forward(s);
    for (int t = 0; t < T; t++)
        for (int n = 0; n < N; n++) assert_near("y", t * N + n, s->y[t * YS + n], value(s, t, n));
    for (int t = 0; t < T; t++) assert_true(s->y[t * YS + N] == 0); /* nothing beyond the row */
}

static void test_gradients(void **state)
{
    layer *s = *state;
    backward(s, 0, T);
    gradient_loss loss = { .forward = forward, .state = s, .part = { { s->y, s->dy, T * YS } } };
    gradient_check(&loss, "x", s->x, s->dx, T * XS);
    gradient_check(&loss, "a", s->a, s->da, R * K);
    gradient_check(&loss, "b", s->b, s->db, N * R);
}

/* Two calls over parts of the tokens leave the bits of one over all. */
static void test_cut(void **state)
{
    layer *s = *state;
    static layer whole;
    backward(s, 0, T);
    whole = *s;
    backward(s, 0, 3); /* writes over what is there */
    backward(s, 3, T);
    assert_memory_equal(s->da, whole.da, sizeof s->da);
    assert_memory_equal(s->db, whole.db, sizeof s->db);
    assert_memory_equal(s->dx, whole.dx, sizeof s->dx);
}

/* What ffn_backward does: the gradients first, then dx alone. */
static void test_halves(void **state)
{
    layer *s = *state;
    static layer whole;
    backward(s, 0, T);
    whole = *s;
    strided_in nothing = rows_from(NULL, 0), dy = rows_from(s->dy, YS);
    linear_backward(s->c, &s->l, T, rows_from(s->x, XS), dy, rows_to(NULL, 0));
    memset(s->dx, 0, sizeof s->dx);
    real kept = s->da[3];
    linear_backward(s->c, &s->l, T, nothing, dy, rows_to(s->dx, XS));
    assert_true(s->da[3] == kept);
    assert_memory_equal(s->dx, whole.dx, sizeof s->dx);
    assert_memory_equal(s->db, whole.db, sizeof s->db);
}

/* Rows that are gathered give what the same rows in their order give. */
static void test_gathered(void **state)
{
    layer *s = *state;
    static const int32_t rows[] = { 4, 1, 6 };
    static real x[3 * XS], y[3 * N], same[3 * N];
    memset(y, 0, sizeof y);
    memset(same, 0, sizeof same);
    for (int i = 0; i < 3; i++) memcpy(x + i * XS, s->x + rows[i] * XS, XS * sizeof *x);
    pair_call gathered = {
        .pair = &s->pair, .count = 3, .x = { s->x, XS, rows }, .to = y, .to_stride = N
    };
    pair_call plain = gathered;
    plain.x = (pair_rows){ x, XS, NULL };
    plain.to = same;
    low_rank_forward(s->c, &gathered, 1);
    low_rank_forward(s->c, &plain, 1);
    assert_memory_equal(y, same, sizeof y);
}

/* Pairs of one call, one of them without rows: its gradients are zeros, not what was there. */
static void test_several(void **state)
{
    layer *s = *state;
    static real da[R * K], db[N * R];
    low_rank second = s->pair;
    backward(s, 0, T);
    second.da = da, second.db = db;
    gradient_fill(da, R * K, 1, 1);
    pair_call calls[2] = {
        { .pair = &second, .count = 0, .x = { s->x, XS, NULL }, .dy = { s->dy, YS, NULL } },
        { .pair = &s->pair, .count = T, .x = { s->x, XS, NULL }, .dy = { s->dy, YS, NULL } }
    };
    layer *alone = s;
    real expected = alone->da[5];
    low_rank_backward(s->c, calls, 2, NULL, false);
    for (int i = 0; i < R * K; i++) assert_true(da[i] == 0);
    for (int i = 0; i < N * R; i++) assert_true(db[i] == 0);
    assert_true(s->da[5] == expected);
}

/* Room grows and never shrinks. */
static void test_reserve(void **state)
{
    layer *s = *state;
    int64_t before = s->c->pair_room;
    assert_int_equal(low_rank_reserve(s->c, 1, 1), CADRE_OK);
    assert_true(s->c->pair_room == before);
    assert_int_equal(low_rank_reserve(s->c, 10 * T, R), CADRE_OK);
    assert_true(s->c->pair_room == 2 * 10 * T * R);
    assert_true(low_rank_bytes(10 * T, R) == 2 * 10 * T * R * sizeof(real));
}

static void run(compute *c, void *state, real *out)
{
    static layer s;
    (void)state;
    layer_fill(&s, c);
    forward(&s);
    backward(&s, 0, T);
    real *parts[] = { s.y, s.dx, s.da, s.db };
    int64_t sizes[] = { T * YS, T * XS, R * K, N * R };
    for (int i = 0; i < 4; out += sizes[i++]) memcpy(out, parts[i], (size_t)sizes[i] * sizeof *out);
}

static void test_same_bits(void **state)
{
    (void)state;
    same_bits_check(run, NULL, T * YS + T * XS + R * K + N * R);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gradients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_halves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gathered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_several, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reserve, set_up, tear_down),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
