/* loss_test.c - cross entropy with its head: values, gradients, ignored targets, chunks that leave
 * no trace. */
#include "kernel/context.h"
#include "op/loss.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/near.h"
#include "support/same_bits.h"

enum { T = 11, D = 9, V = 23 };

typedef struct layer {
    compute *c;
    loss_head h;
    loss_scratch scratch;
    int32_t targets[T];
    real x[T * D], w[V * D], bias[V], dw[V * D], dbias[V], logits[T * V], losses[T], weights[T],
        dx[T * D];
} layer;

static layer s;

static int set_up(void **state)
{
    (void)state;
    memset(&s, 0, sizeof s);
    s.h = (loss_head){ { weight_of_floats(s.w, V, D), s.bias, s.dw, s.dbias, false, NULL },
        REAL_C(0.6), 0, NULL, 0 };
    s.scratch = (loss_scratch){ 4, s.logits, NULL };
    gradient_fill(s.x, T * D, 1, 1);
    gradient_fill(s.w, V * D, 2, 1);
    gradient_fill(s.bias, V, 3, 1);
    for (int t = 0; t < T; t++) s.targets[t] = t == 5 ? -1 : t * 9 % V;
    for (int t = 0; t < T; t++) s.weights[t] = REAL_C(0.1);
    return compute_new(2, NULL, &s.c);
}

static int tear_down(void **state)
{
    (void)state;
    compute_free(s.c);
    return 0;
}

static loss_pass pass_of(void)
{
    return (loss_pass){ T, rows_from(s.x, D), s.targets, s.losses, REAL_C(0.1), NULL,
        rows_to(s.dx, D) };
}

static void forward(void *state)
{
    (void)state;
    loss_pass pass = pass_of();
    loss_forward(s.c, &s.h, &s.scratch, &pass);
}

static void backward(void)
{
    loss_pass pass = pass_of();
    loss_forward_backward(s.c, &s.h, &s.scratch, &pass);
}

static double loss_truth(int t)
{
    double z[V], sum = 0;
    for (int v = 0; v < V; v++) {
        z[v] = (double)s.bias[v];
        for (int i = 0; i < D; i++) z[v] += (double)s.x[t * D + i] * (double)s.w[v * D + i];
        z[v] *= (double)s.h.logit_scale;
        sum += exp(z[v]);
    }
    return log(sum) - z[s.targets[t]];
}

static void test_values(void **state)
{
    (void)state;
    forward(NULL);
    for (int t = 0; t < T; t++)
        assert_near("loss", t, s.losses[t], s.targets[t] < 0 ? 0 : loss_truth(t));
    real alone[T];
    memcpy(alone, s.losses, sizeof alone);
    backward();
    assert_memory_equal(alone, s.losses, sizeof alone);
}

static void test_gradients(void **state)
{
    (void)state;
    backward();
    gradient_loss loss = { .forward = forward, .part = { { s.losses, s.weights, T } } };
    gradient_check(&loss, "x", s.x, s.dx, T * D);
    gradient_check(&loss, "w", s.w, s.dw, V * D);
    gradient_check(&loss, "bias", s.bias, s.dbias, V);
    for (int i = 0; i < D; i++) assert_true(s.dx[5 * D + i] == 0); /* the ignored target */
}

static void test_chunks(void **state)
{
    (void)state;
    static layer four;
    backward();
    four = s;
    for (int64_t rows = 1; rows <= T; rows += 5) {
        s.scratch.rows = rows;
        backward();
        assert_memory_equal(s.dx, four.dx, sizeof s.dx);
        assert_memory_equal(s.dw, four.dw, sizeof s.dw);
        assert_memory_equal(s.dbias, four.dbias, sizeof s.dbias);
        assert_memory_equal(s.losses, four.losses, sizeof s.losses);
    }
}

static void test_scratch(void **state)
{
    (void)state;
    arena measure = { 0 };
    loss_scratch small = loss_scratch_take(&measure, 3, 1000, 1000, 8, 0),
                 large = loss_scratch_take(&measure, 100000, 200000, 200000, 8, 0);
    assert_int_equal(small.rows, 3);
    assert_true(large.rows >= 16 && large.rows < 1000);
    assert_true(
        measure.used >= ((size_t)small.rows * 1000 + (size_t)large.rows * 200000) * sizeof(real));
}

static void run(compute *c, void *state, real *out)
{
    enum { ROWS = 64, SIZE = 48, WORDS = 700 };
    static real x[ROWS * SIZE], w[WORDS * SIZE], logits[32 * WORDS];
    int32_t targets[ROWS];
    (void)state;
    gradient_fill(x, ROWS * SIZE, 1, 1);
    gradient_fill(w, WORDS * SIZE, 2, 1);
    for (int t = 0; t < ROWS; t++) targets[t] = t * 11;
    loss_head h = { { .w = weight_of_floats(w, WORDS, SIZE), .dw = out }, 1, 0, NULL, 0 };
    loss_scratch scratch = { 32, logits, NULL };
    real *losses = out + WORDS * SIZE, *dx = losses + ROWS;
    loss_pass pass = { ROWS, rows_from(x, SIZE), targets, losses, REAL_C(0.01), NULL,
        rows_to(dx, SIZE) };
    loss_forward_backward(c, &h, &scratch, &pass);
}

static void test_same_bits(void **state)
{
    (void)state;
    same_bits_check(run, NULL, 700 * 48 + 64 + 64 * 48);
}

/* Gemma 4: logits beyond the cap come near it; small ones stay what they are. */
static void test_capped_logits(void **state)
{
    (void)state;
    int count;
    const row_kernels *rows = variant_list(&count)[0]->rows;
    real x[4] = { 0, REAL_C(0.01), 50, -1000 };
    loss_cap_logits(rows, 30, 4, x);
    assert_true(x[0] == 0 && x[3] == -30);
    assert_true(fabs((double)x[1] - 0.01) < 1e-6);
    assert_true(fabs((double)x[2] - 30 * tanh(50.0 / 30)) < 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capped_logits),
        cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gradients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_chunks, set_up, tear_down),
        cmocka_unit_test(test_scratch),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
