/* spike_test.c - which losses count as far above the average. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "train/spike.h"

static void test_few_losses_say_nothing(void **state)
{
    (void)state;
    spike_guard g = { .ratio = 2 };
    for (int i = 0; i < 19; i++) spike_count(&g, 3, false);
    assert_true(isinf(spike_limit(&g)));
    spike_count(&g, 3, false);
    assert_true(fabs(spike_limit(&g) - 6) < 1e-9);
}

static void test_it_follows_the_losses(void **state)
{
    (void)state;
    spike_guard g = { .ratio = 2 };
    for (int i = 0; i < 400; i++) spike_count(&g, i < 100 ? 8 : 2, false);
    assert_true(fabs(spike_limit(&g) - 4) < 1e-3);
}

/* A skipped batch does not change the average. Skipped batches in a row are counted, from 0 again
 * after a good one. */
static void test_skipped_ones_do_not_count(void **state)
{
    (void)state;
    spike_guard g = { .ratio = 2 };
    for (int i = 0; i < 30; i++) spike_count(&g, 1, false);
    for (int i = 0; i < SPIKE_IN_A_ROW; i++) spike_count(&g, i % 2 ? NAN : 100, true);
    assert_int_equal(g.bad, SPIKE_IN_A_ROW);
    assert_true(fabs(spike_limit(&g) - 2) < 1e-9);
    spike_count(&g, 1, false);
    assert_int_equal(g.bad, 0);
}

static void test_no_ratio_no_limit(void **state)
{
    (void)state;
    spike_guard g = { 0 };
    for (int i = 0; i < 50; i++) spike_count(&g, 1, false);
    assert_true(isinf(spike_limit(&g)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_losses_say_nothing),
        cmocka_unit_test(test_it_follows_the_losses),
        cmocka_unit_test(test_skipped_ones_do_not_count),
        cmocka_unit_test(test_no_ratio_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
