/* linear_test.c - dense layers: values, gradients, the same bits for any cut of the tokens. */
#include "kernel/context.h"
#include "op/linear.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/near.h"
#include "support/same_bits.h"

enum { T = 7, K = 19, N = 37, XS = K + 3, YS = N + 2 };

typedef struct layer {
    compute *c;
    linear l;
    real x[T * XS], w[N * K], bias[N], y[T * YS], dy[T * YS], dx[T * XS], dw[N * K], dbias[N];
} layer;

static void layer_fill(layer *s)
{
    memset(s, 0, sizeof *s);
    gradient_fill(s->x, T * XS, 1, 1);
    gradient_fill(s->w, N * K, 2, 1);
    gradient_fill(s->bias, N, 3, 1);
    gradient_fill(s->dy, T * YS, 4, 1);
    s->l = (linear){ weight_of_floats(s->w, N, K), s->bias, s->dw, s->dbias, false, NULL };
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
    layer_fill(&s);
    *state = &s;
    return compute_new(2, NULL, &s.c);
}

static int tear_down(void **state)
{
    compute_free(((layer *)*state)->c);
    return 0;
}

static void test_values(void **state)
{
    layer *s = *state;
    forward(s);
    for (int t = 0; t < T; t++)
        for (int n = 0; n < N; n++) {
            double sum = (double)s->bias[n];
            for (int k = 0; k < K; k++) sum += (double)s->x[t * XS + k] * (double)s->w[n * K + k];
            assert_near("y", t * N + n, s->y[t * YS + n], sum);
        }
    for (int t = 0; t < T; t++) assert_true(s->y[t * YS + N] == 0); /* nothing beyond the row */
}

static void test_together(void **state)
{
    layer *s = *state;
    linear plain = s->l;
    plain.bias = NULL;
    static real alone[T * N], a[T * YS], b[T * N];
    forward(s);
    linear_forward(s->c, &plain, T, rows_from(s->x, XS), rows_to(alone, N));
    linear_forward_together(s->c, (const linear *[]){ &s->l, &plain }, 2, T, rows_from(s->x, XS),
        (strided_out[]){ rows_to(a, YS), rows_to(b, N) });
    assert_memory_equal(a, s->y, sizeof a);
    assert_memory_equal(b, alone, sizeof b);
}

static void test_gradients(void **state)
{
    layer *s = *state;
    memset(s->dy, 0, sizeof s->dy);
    for (int t = 0; t < T; t++) gradient_fill(s->dy + t * YS, N, 10 + (uint64_t)t, 1);
    backward(s, 0, T);
    gradient_loss loss = { .forward = forward, .state = s, .part = { { s->y, s->dy, T * YS } } };
    gradient_check(&loss, "x", s->x, s->dx, T * XS);
    gradient_check(&loss, "w", s->w, s->dw, N * K);
    gradient_check(&loss, "bias", s->bias, s->dbias, N);
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
    assert_memory_equal(s->dw, whole.dw, sizeof s->dw);
    assert_memory_equal(s->dbias, whole.dbias, sizeof s->dbias);
    assert_memory_equal(s->dx, whole.dx, sizeof s->dx);
}

static void test_accumulate(void **state)
{
    layer *s = *state;
    backward(s, 0, T);
    real before = s->dx[5];
    linear_backward(
        s->c, &s->l, T, rows_from(s->x, XS), rows_from(s->dy, YS), rows_added(s->dx, XS));
    assert_near("dx", 5, s->dx[5], 2 * (double)before);
}

/* Rows n .. n_end - 1 of the matrix, and columns k .. k_end - 1 of all rows: dw and dbias are those
 * of the rows, and of dx the columns are written. */
static void check_slice(const layer *whole, int64_t n, int64_t n_end, int64_t k, int64_t k_end)
{
    static layer s;
    real columns[N * K];
    weight_slice slice = { n, N, k, k_end - k, columns };
    layer_fill(&s);
    s.c = whole->c;
    for (int64_t i = 0; i < N; i++)
        memcpy(columns + i * (k_end - k), s.w + i * K + k, (size_t)(k_end - k) * sizeof *columns);
    s.l.w = weight_of_floats(s.w + n * K, n_end - n, K);
    s.l.w.slice = &slice;
    backward(&s, 0, T);
    assert_memory_equal(s.dw, whole->dw + n * K, (size_t)((n_end - n) * K) * sizeof *s.dw);
    assert_memory_equal(s.dbias, whole->dbias + n, (size_t)(n_end - n) * sizeof *s.dbias);
    for (int64_t t = 0; t < T; t++)
        for (int64_t i = 0; i < K; i++)
            assert_true(s.dx[t * XS + i] == (i >= k && i < k_end ? whole->dx[t * XS + i] : 0));
}

static void test_slices(void **state)
{
    layer *s = *state;
    backward(s, 0, T);
    check_slice(s, 0, 18, 0, 9);
    check_slice(s, 18, N, 9, K);
    check_slice(s, 5, 6, 18, K);
}

static void run(compute *c, void *state, real *out)
{
    static layer s;
    (void)state;
    layer_fill(&s);
    s.c = c;
    forward(&s);
    backward(&s, 0, T);
    real *parts[] = { s.y, s.dx, s.dw, s.dbias };
    int64_t sizes[] = { T * YS, T * XS, N * K, N };
    for (int i = 0; i < 4; out += sizes[i++]) memcpy(out, parts[i], (size_t)sizes[i] * sizeof *out);
}

static void test_same_bits(void **state)
{
    (void)state;
    same_bits_check(run, NULL, T * YS + T * XS + N * K + N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gradients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_accumulate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slices, set_up, tear_down),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
