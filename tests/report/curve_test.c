/* curve_test.c - points of a history as a line has them, and the mean around each. */
#include "report/curve.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void spans_without_a_number_are_left_out(void **state)
{
    (void)state;
    const metric_point series[] = { { 2, 10, 4, 6 }, { 0, 0, 0, 0 }, { 1, -3, -3, -3 },
        { 4, 8, 1, 3 } };
    const run_history h = { .first = 1, .last = 8, .points = 4 };
    static curve c;
    curve_of(&h, series, &c);
    assert_int_equal(c.count, 3);
    assert_true(c.x[0] == 1.5 && c.x[1] == 5.5 && c.x[2] == 7.5); /* spans of two steps */
    assert_true(c.mean[0] == 5 && c.mean[1] == -3 && c.mean[2] == 2);
    assert_true(c.low[0] == 4 && c.high[0] == 6 && c.low[2] == 1 && c.high[2] == 3);
    assert_true(c.least == -3 && c.greatest == 6);
    curve_of(&(run_history){ 0 }, NULL, &c);
    assert_true(c.count == 0 && c.least > c.greatest);
}

static void the_mean_is_over_as_much_as_there_is(void **state)
{
    (void)state;
    static curve c;
    static double out[HISTORY_POINTS];
    c = (curve){ .count = 4, .mean = { 1, 2, 6, 11 } };
    curve_smooth(&c, out); /* one on either side */
    assert_true(out[0] == 1.5 && out[1] == 3 && fabs(out[2] - 19.0 / 3) < 1e-12 && out[3] == 8.5);
    c.count = 159; /* two; from 160 on three */
    for (int i = 0; i < 160; i++) c.mean[i] = i == 80 ? 35 : 0;
    curve_smooth(&c, out);
    for (int i = 0; i < 159; i++) assert_true(out[i] == (i >= 78 && i <= 82 ? 7 : 0));
    c.count = 160;
    curve_smooth(&c, out);
    for (int i = 0; i < 160; i++) assert_true(out[i] == (i >= 77 && i <= 83 ? 5 : 0));
    c = (curve){ .count = 1, .mean = { 5 } };
    curve_smooth(&c, out);
    assert_true(out[0] == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(spans_without_a_number_are_left_out),
        cmocka_unit_test(the_mean_is_over_as_much_as_there_is) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
