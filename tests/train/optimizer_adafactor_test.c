/* optimizer_adafactor_test.c - Adafactor against its formulas in double. */
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
#include "kernel/context.h"
#include "support/refusal.h"

static optimizer_options options(void)
{
    return (optimizer_options){
        .method = optimizer_method_by_name("adafactor"), .weight_decay = 0.1, .keep_norms = true
    };
}

enum { MOST_ROWS = 150, MOST_COLS = 240 };

typedef struct moments {
    double r[MOST_ROWS], c[MOST_COLS];
} moments;

static double mean_of(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static double size_of(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrt(sum / (double)n);
}

/* One step of w [rows, cols] with the gradient g; each row of a vector has one element. */
static void expect_step(
    moments *m, bool factored, int64_t rows, int64_t cols, double *w, const double *g, double t)
{
    static double u[MOST_ROWS * MOST_COLS];
    double b = pow(t, -0.8), e = ldexp(1, -23);
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;
        for (int64_t j = 0; j < cols; j++) sum += g[i * cols + j] * g[i * cols + j];
        m->r[i] += b * (sum / (double)cols - m->r[i]);
    }
    for (int64_t j = 0; j < cols && factored; j++) {
        double sum = 0;
        for (int64_t i = 0; i < rows; i++) sum += g[i * cols + j] * g[i * cols + j];
        m->c[j] += b * (sum / (double)rows - m->c[j]);
    }
    double mean = fmax(mean_of(m->r, rows), e);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            double v = factored ? m->r[i] * m->c[j] / mean : m->r[i];
            u[i * cols + j] = g[i * cols + j] / sqrt(fmax(v, e * e));
        }
    double alpha = fmax(1e-3, size_of(w, rows * cols)) * fmin(stepped_lr, 1 / sqrt(t)),
           most = fmax(1, size_of(u, rows * cols));
    for (int64_t i = 0; i < rows * cols; i++)
        w[i] = w[i] * (1 - stepped_lr * (factored ? 0.1 : 0)) - alpha * u[i] / most;
}

static void check_param(int p, const real *values, const real *got)
{
    static double w[MOST_ROWS * MOST_COLS], g[MOST_ROWS * MOST_COLS];
    const param *row = stepped_param(p);
    int64_t count = row->rows * row->cols;
    bool factored = p != STEPPED_NORM;
    moments m = { 0 };
    for (int64_t i = 0; i < count; i++) w[i] = (double)values[row->offset + i];
    for (int64_t t = 1; t <= STEPPED_STEPS; t++) {
        real *gradient = stepped_gradient(t);
        for (int64_t i = 0; i < count; i++) g[i] = (double)gradient[row->offset + i];
        expect_step(
            &m, factored, factored ? row->rows : count, factored ? row->cols : 1, w, g, (double)t);
        mem_free(gradient);
    }
    for (int64_t i = 0; i < count; i++) assert_within(got[row->offset + i], w[i], 3e-6);
}

static void test_steps(void **state)
{
    (void)state;
    optimizer_options o = options();
    real *values = stepped_values(), *got = stepped_run(&o, 2);
    for (int p = 0; p < STEPPED_PARAMS; p++)
        if (p != STEPPED_ROUTER) check_param(p, values, got);
    mem_free(values);
    mem_free(got);
}

static void test_same_bits(void **state)
{
    (void)state;
    optimizer_options o = options();
    stepped_same_bits(&o);
    stepped_freezes_router(&o);
}

/* Its states have an element for each row and each column alone. */
static void test_memory(void **state)
{
    (void)state;
    optimizer_options o = options(), adamw = { 0 };
    size_t small = optimizer_bytes(stepped_table(), &o),
           large = optimizer_bytes(stepped_table(), &adamw);
    assert_true(small < large / 4);
}

static void test_part_of_a_matrix_is_refused(void **state)
{
    (void)state;
    compute *c;
    optimizer *made;
    optimizer_options o = options();
    o.freeze.router = (freeze_range){ 0, 2 };
    assert_int_equal(compute_new(1, NULL, &c), CADRE_OK);
    assert_int_equal(optimizer_new(c, stepped_table(), &o, &made), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "--freeze"));
    compute_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_part_of_a_matrix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
