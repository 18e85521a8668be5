/* length_test.c - when runs end, and whether what they plan is where they end. */
#include "train/length.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A machine that makes so many steps a second, of 1000 tokens each. */
static run_spent after(int64_t steps, double steps_a_second)
{
    return (run_spent){
        .steps = steps, .tokens = steps * 1000, .seconds = (double)steps / steps_a_second
    };
}

/* The step at which a run on that machine ends. */
static int64_t last_step(const run_length *l, double steps_a_second)
{
    int64_t step = 0;
    for (run_spent s = after(0, steps_a_second); !length_over(l, &s);
         s = after(++step, steps_a_second))
        assert_true(step < 100000);
    return step;
}

static void test_steps_are_steps(void **state)
{
    (void)state;
    run_length l = { .steps = 70 };
    assert_int_equal(last_step(&l, 1), 70);
    run_spent s = after(20, 1);
    assert_int_equal(length_plan(&l, &s), 70);
    assert_false(length_lacks_tokens(&l, &s));
}

static void test_time_is_up(void **state)
{
    (void)state;
    run_length l = { .seconds = 180 };
    assert_int_equal(last_step(&l, 4), 720);
    run_spent s = after(100, 4);
    assert_int_equal(length_plan(&l, &s), 720);
    s = after(0, 4);
    assert_false(length_over(&l, &s));
    l.seconds = 0.001; /* a step longer than the whole time */
    assert_int_equal(last_step(&l, 1), 1);
}

static void test_a_slow_machine_goes_on_until_it_has_seen_enough(void **state)
{
    (void)state;
    run_length l = { .seconds = 180, .min_tokens = 400000, .max_seconds = 360 };
    assert_int_equal(last_step(&l, 4), 720);   /* fast: 720000 tokens in its time */
    assert_int_equal(last_step(&l, 2), 400);   /* after 200 seconds */
    assert_int_equal(last_step(&l, 0.5), 180); /* too slow: the longest time */
    run_spent in_time = after(300, 2), too_late = after(181, 1);
    assert_false(length_lacks_tokens(&l, &in_time));
    assert_true(length_lacks_tokens(&l, &too_late));
    l.max_seconds = 0;
    assert_int_equal(last_step(&l, 0.5), 400);
}

static void test_the_plan_is_the_end(void **state)
{
    (void)state;
    run_length l = { .seconds = 180, .min_tokens = 400000, .max_seconds = 360 };
    const double rates[] = { 8, 2, 1.5, 0.5 };
    for (int i = 0; i < 4; i++) {
        int64_t end = last_step(&l, rates[i]);
        for (int64_t step = 3; step < end; step++) {
            run_spent s = after(step, rates[i]);
            assert_in_range(length_plan(&l, &s), end, end + 1); /* + 1: of rounding */
        }
    }
}

static void test_a_plan_is_more_than_is_behind(void **state)
{
    (void)state;
    run_length l = { .seconds = 10, .min_tokens = 5000, .max_seconds = 20 };
    for (int64_t step = 0; step < 60; step++) {
        run_spent s = after(step, 1);
        assert_true(length_plan(&l, &s) > step);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_steps),
        cmocka_unit_test(test_time_is_up),
        cmocka_unit_test(test_a_slow_machine_goes_on_until_it_has_seen_enough),
        cmocka_unit_test(test_the_plan_is_the_end),
        cmocka_unit_test(test_a_plan_is_more_than_is_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
