/* row_test.c - one row's posteriors, loss and gradient as they were worked out by hand, and numbers
 * that would overflow. */
#include "mixture/row.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mixture/descent.h"
#include "support/succeeds.h"

static void near(double got, double expected)
{
    if (!(fabs(got - expected) < 5e-7)) fail_msg("%.9g, expected %.9g", got, expected);
}

/* Three experts that say o whatever the input, and a gate of logits z: biases alone. */
static double parameters[] = { 0, 0.2, 0, 0.5, 0, -0.1, /* gate [3, 2] */
    0, 0.8, 0, 0.1, 0, 0, 0, 1, 0, 1.2, 0, -0.4 };      /* experts [3, 2, 2] */

static void a_row_is_as_worked_out(void **state)
{
    (void)state;
    const double input[] = { 0, 1 }, target[] = { 1, 0 };
    const double p[] = { 0.323554, 0.436752, 0.239694 }, h[] = { 0.455281, 0.231809, 0.312910 };
    const double slope[] = { -0.131727, 0.204943, -0.073215 };
    const mixture_shape s = { .inputs = 1, .outputs = 2, .experts = 3 };
    double gradient[18];
    mixture_layout l;
    succeeds(mixture_layout_of(&s, &l));
    assert_int_equal(l.count, 18);
    fit f = { .method = METHOD_GRADIENT,
        .shape = &s,
        .layout = &l,
        .rows = 1,
        .input = input,
        .target = target,
        .parameters = parameters,
        .gradient = gradient };
    succeeds(mixture_row_open(&s, &f.row));
    descent_expect(&f);
    near(f.loss, 0.366550);
    near(f.log_likelihood, -0.366550 - log(2 * acos(-1)));
    for (int i = 0; i < 3; i++) {
        near(exp(f.row.gate[i]), p[i]);
        near(f.row.posterior[i], h[i]);
        near(gradient[2 * i], 0);
        near(gradient[2 * i + 1], slope[i]);
    }
    mixture_row_close(&f.row);
}

static void sums_of_exponentials_do_not_overflow(void **state)
{
    (void)state;
    const double large[] = { 1000, 1000 }, none[] = { -INFINITY, -INFINITY },
                 far[] = { -1000, -2000 };
    near(log_sum_exp(large, 2), 1000 + log(2));
    near(log_sum_exp(far, 2), -1000);
    assert_true(log_sum_exp(none, 2) == -INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_as_worked_out),
        cmocka_unit_test(sums_of_exponentials_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
