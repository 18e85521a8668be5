/* compute_times_test.c - each moment counts for one subject: the outermost one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/compute_times.h"

static double sum_of(const compute_times *t)
{
    double sum = 0;
    for (int i = 0; i < TIME_SUBJECTS; i++) sum += t->seconds[i];
    return sum;
}

static void spend(double seconds)
{
    double until = clock_seconds() + seconds;
    while (clock_seconds() < until) continue;
}

static void test_the_outermost_subject_counts(void **state)
{
    (void)state;
    compute c = { 0 };
    double begin = clock_seconds();
    compute_times t = { .since = begin };
    c.times = &t;
    compute_subject outer = compute_enter(&c, TIME_ROUTING);
    compute_subject inner = compute_enter(&c, TIME_PRODUCTS);
    spend(0.02);
    compute_leave(&c, inner);
    assert_int_equal(t.now, TIME_ROUTING);
    compute_leave(&c, outer);
    assert_int_equal(t.now, TIME_OTHER);
    assert_true(t.seconds[TIME_ROUTING] >= 0.02 && t.seconds[TIME_PRODUCTS] == 0);
    double between = clock_seconds();
    spend(0.01);
    compute_subject products = compute_enter(&c, TIME_PRODUCTS);
    assert_true(t.seconds[TIME_OTHER] >= 0.01 - 1e-4 && clock_seconds() >= between);
    compute_leave(&c, products);
    assert_true(t.seconds[TIME_PRODUCTS] >= 0 && sum_of(&t) <= clock_seconds() - begin);
}

/* Where nobody asks, nothing is measured. */
static void test_without_a_listener(void **state)
{
    (void)state;
    compute c = { 0 };
    compute_subject before = compute_enter(&c, TIME_PRODUCTS);
    compute_leave(&c, before);
    assert_null(c.times);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_outermost_subject_counts),
        cmocka_unit_test(test_without_a_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
