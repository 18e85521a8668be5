/* optimizer_test.c - AdamW against its formulas, for every kind of parameter; the gradient's
 * norm. */
#include "kernel/context.h"
#include "train/optimizer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/within.h"

enum { ROWS = 6, EACH = 16, ELEMENTS = ROWS * EACH };

/* A parameter of kind k begins at k * EACH. It has 10 of 16 elements; the rest is padding, which
 * must not be changed or counted. */
static param rows_of_every_kind[ROWS];
static const param_table table = { rows_of_every_kind, ROWS, ELEMENTS, ROWS * 10, ROWS * 10 };
enum { USED = 10 };

typedef struct fixture {
    compute *c;
    optimizer *o;
    real values[ELEMENTS], gradient[ELEMENTS];
} fixture;

static void open_case(fixture *f, const optimizer_options *options, int threads)
{
    for (int k = 0; k < ROWS; k++)
        rows_of_every_kind[k] = (param){
            .role = ROLE_GATE, .kind = (param_kind)k, .rows = 1, .cols = USED, .offset = k * EACH
        };
    assert_int_equal(compute_new(threads, NULL, &f->c), CADRE_OK);
    assert_int_equal(optimizer_new(f->c, &table, options, &f->o), CADRE_OK);
    gradient_fill(f->values, ELEMENTS, 1, 1);
    gradient_fill(f->gradient, ELEMENTS, 2, 1);
}

static void close_case(fixture *f)
{
    optimizer_free(f->o);
    compute_free(f->c);
}

static const optimizer_options plain = {
    .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1
};

/* Trap: an expert's or a router's parameters counted twice, or padding and the correction bias
 * counted at all. */
static void test_norm_counts_every_parameter_once(void **state)
{
    (void)state;
    double sum = 0;
    for (int threads = 1; threads <= 3; threads++) {
        fixture f;
        open_case(&f, &plain, threads);
        double norm = optimizer_gradient_norm(f.o, f.gradient);
        if (threads == 1)
            for (int i = 0; i < ELEMENTS; i++)
                if (i / EACH != PARAM_STATE && i % EACH < USED)
                    sum += (double)f.gradient[i] * (double)f.gradient[i];
        assert_within(norm, sqrt(sum), 1e-6);
        close_case(&f);
    }
}

enum { LONG = 3 * (1 << 14) + 77 };

/* The square of the norm of the slice of a long bias that rank r of `ranks` has */
static double counted_by(compute *c, int r, int ranks)
{
    static real all[LONG];
    int64_t begin = (int64_t)LONG * r / ranks, end = (int64_t)LONG * (r + 1) / ranks;
    param rows[] = {
        { .kind = PARAM_BIAS, .rows = 1, .cols = end - begin, .first = begin, .whole = LONG }
    };
    const param_table share = { rows, 1, end - begin, LONG, LONG };
    optimizer *o;
    gradient_fill(all, LONG, 3, 1);
    assert_int_equal(optimizer_new(c, &share, &plain, &o), CADRE_OK);
    double norm = optimizer_gradient_norm(o, all + begin);
    optimizer_free(o);
    return norm * norm;
}

static void test_shares_are_counted_once(void **state)
{
    (void)state;
    compute *c;
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    double whole = counted_by(c, 0, 1);
    assert_true(whole > 1000);
    for (int ranks = 2; ranks <= 4; ranks++) {
        double sum = 0;
        for (int r = 0; r < ranks; r++) sum += counted_by(c, r, ranks);
        assert_within(sum, whole, 1e-9 * whole);
    }
    compute_free(c);
}

/* The value of element i after two steps of AdamW */
static double expected(
    const fixture *f, const optimizer_options *o, int i, double scale, double lr, double decay)
{
    double w = (double)f->values[i], g = scale * (double)f->gradient[i], m = 0, v = 0;
    for (int t = 1; t <= 2; t++) {
        w -= lr * decay * w;
        m = o->beta1 * m + (1 - o->beta1) * g, v = o->beta2 * v + (1 - o->beta2) * g * g;
        w -= lr * (m / (1 - pow(o->beta1, t))) / (sqrt(v / (1 - pow(o->beta2, t))) + o->eps);
    }
    return w;
}

static void check_steps(const optimizer_options *o, const bool *decays, double clip)
{
    fixture f, before;
    open_case(&f, o, 2);
    before = f;
    double norm = optimizer_gradient_norm(f.o, f.gradient),
           scale = clip > 0 && clip < norm ? clip / (norm + 1e-6) : 1;
    for (int64_t t = 1; t <= 2; t++)
        optimizer_step(f.o, f.values, f.gradient, norm, 0.01, 0.002, t);
    for (int i = 0; i < ELEMENTS; i++) {
        int kind = i / EACH;
        bool still = kind == PARAM_STATE || i % EACH >= USED;
        double want = expected(&before, o, i, scale, kind == PARAM_ROUTER ? 0.002 : 0.01,
            decays[kind] ? o->weight_decay : 0);
        if (still) assert_true(f.values[i] == before.values[i]);
        else assert_within(f.values[i], want, 2e-6);
    }
    close_case(&f);
}

/* Trap: decay on the router, on norms and on biases. */
static void test_kinds_decay_as_told(void **state)
{
    (void)state;
    optimizer_options o = plain;
    bool all[ROWS] = { true, true, true, true, true };
    check_steps(&o, all, 0);
    bool some[ROWS] = { [PARAM_MATRIX] = true, [PARAM_EMBEDDING] = true };
    o.keep_norms = o.keep_biases = o.keep_router = true;
    check_steps(&o, some, 0);
    bool matrices[ROWS] = { [PARAM_MATRIX] = true };
    o.keep_embeddings = true;
    check_steps(&o, matrices, 0);
}

static void test_clipping_scales_the_whole_gradient(void **state)
{
    (void)state;
    bool all[ROWS] = { true, true, true, true, true };
    optimizer_options o = plain;
    o.clip = 0.5, o.eps = 0.1; /* a large eps makes the scale of the gradient visible */
    check_steps(&o, all, o.clip);
    o.clip = 1e6;
    check_steps(&o, all, o.clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm_counts_every_parameter_once),
        cmocka_unit_test(test_shares_are_counted_once),
        cmocka_unit_test(test_kinds_decay_as_told),
        cmocka_unit_test(test_clipping_scales_the_whole_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
