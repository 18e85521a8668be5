/* optimizer_muon_test.c - Muon against its formulas in double: its own for matrices, those of AdamW
 * for all other parameters. */
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

static optimizer_options options(bool original)
{
    return (optimizer_options){ .method = optimizer_method_by_name("muon"),
        .momentum = 0.95,
        .original_scale = original,
        .beta1 = 0.9,
        .beta2 = 0.95,
        .eps = 1e-8,
        .weight_decay = 0.1,
        .keep_norms = true };
}

enum { MOST = 16 };

typedef struct square {
    double x[MOST][MOST];
} square;

/* c [n, m] = a [n, k] b [k, m] */
static square product(const square *a, const square *b, int n, int m, int k)
{
    square c = { 0 };
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            for (int l = 0; l < k; l++) c.x[i][j] += a->x[i][l] * b->x[l][j];
    return c;
}

static square transposed(const square *a, int n, int m)
{
    square t = { 0 };
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) t.x[j][i] = a->x[i][j];
    return t;
}

/* Orthogonalises G [n, m], n <= m. */
static square orthogonalised(square x, int n, int m)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) sum += x.x[i][j] * x.x[i][j];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) x.x[i][j] /= fmax(sqrt(sum), 1e-7);
    for (int round = 0; round < 5; round++) {
        square t = transposed(&x, n, m), a = product(&x, &t, n, n, m),
               aa = product(&a, &a, n, n, n);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) a.x[i][j] = -4.7750 * a.x[i][j] + 2.0315 * aa.x[i][j];
        square more = product(&a, &x, n, m, n);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < m; j++) x.x[i][j] = 3.4445 * x.x[i][j] + more.x[i][j];
    }
    return x;
}

static void step_matrix(square *w, square *m, const real *g, const param *p, bool original)
{
    square x = { 0 };
    int n = (int)p->rows, cols = (int)p->cols;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < cols; j++) {
            double gradient = (double)g[i * cols + j];
            m->x[i][j] = 0.95 * m->x[i][j] + 0.05 * gradient;
            x.x[i][j] = 0.95 * m->x[i][j] + 0.05 * gradient;
        }
    if (n > cols) {
        x = transposed(&x, n, cols);
        x = orthogonalised(x, cols, n);
        x = transposed(&x, cols, n);
    } else x = orthogonalised(x, n, cols);
    double scale = original ? sqrt(fmax(1, (double)n / cols)) : 0.2 * sqrt(n > cols ? n : cols);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < cols; j++)
            w->x[i][j] = w->x[i][j] * (1 - stepped_lr * 0.1) - stepped_lr * scale * x.x[i][j];
}

static void check_matrix(int p, const real *values, const real *got, bool original)
{
    const param *row = stepped_param(p);
    square w = { 0 }, m = { 0 };
    for (int64_t i = 0; i < row->rows; i++)
        for (int64_t j = 0; j < row->cols; j++)
            w.x[i][j] = (double)values[row->offset + i * row->cols + j];
    for (int64_t t = 1; t <= STEPPED_STEPS; t++) {
        real *gradient = stepped_gradient(t);
        step_matrix(&w, &m, gradient + row->offset, row, original);
        mem_free(gradient);
    }
    for (int64_t i = 0; i < row->rows; i++)
        for (int64_t j = 0; j < row->cols; j++)
            assert_within(got[row->offset + i * row->cols + j], w.x[i][j], 2e-5);
}

/* Traps: the other scale, no Nesterov momentum, four iterations, a tall matrix taken as a wide
 * one. */
static void test_matrices(void **state)
{
    (void)state;
    for (int original = 0; original < 2; original++) {
        optimizer_options o = options(original);
        real *values = stepped_values(), *got = stepped_run(&o, 2);
        check_matrix(STEPPED_WIDE, values, got, original);
        check_matrix(STEPPED_TALL, values, got, original);
        mem_free(values);
        mem_free(got);
    }
}

/* Routers, embeddings and norms have the same bits as with AdamW. */
static void test_all_else_is_adamw(void **state)
{
    (void)state;
    optimizer_options muon = options(false), adamw = muon;
    adamw.method = NULL;
    real *a = stepped_run(&muon, 2), *b = stepped_run(&adamw, 2);
    for (int p = STEPPED_ROUTER; p < STEPPED_PARAMS; p++) {
        const param *row = stepped_param(p);
        assert_memory_equal(
            a + row->offset, b + row->offset, (size_t)(row->rows * row->cols) * sizeof *a);
    }
    assert_true(a[0] != b[0]);
    mem_free(a);
    mem_free(b);
}

/* The singular values of the change in a step are near 1, as its norm shows. */
static void test_large_matrices_are_orthogonal(void **state)
{
    (void)state;
    optimizer_options o = options(true);
    o.weight_decay = 0;
    real *values = stepped_values(), *got = stepped_run(&o, 2);
    const param *row = stepped_param(STEPPED_LARGE);
    double sum = 0;
    for (int64_t i = row->offset; i < row->offset + row->rows * row->cols; i++)
        sum += pow((double)(got[i] - values[i]) / stepped_lr / STEPPED_STEPS, 2);
    double mean_singular = sqrt(sum / (double)row->rows);
    assert_true(mean_singular > 0.4 && mean_singular < 1.2);
    mem_free(values);
    mem_free(got);
}

static void test_same_bits(void **state)
{
    (void)state;
    optimizer_options o = options(false);
    stepped_same_bits(&o);
    stepped_freezes_router(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrices),
        cmocka_unit_test(test_all_else_is_adamw),
        cmocka_unit_test(test_large_matrices_are_orthogonal),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
