/* length_test.c - when runs end, and whether they end where they planned. */
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
    run_pace p = run_pace_begin(&s);
    assert_int_equal(length_plan(&l, &s, &p), 70);
    assert_false(length_lacks_tokens(&l, &s));
}

static void test_time_is_up(void **state)
{
    (void)state;
    run_length l = { .seconds = 180 };
    assert_int_equal(last_step(&l, 4), 720);
    run_spent s = after(100, 4);
    run_pace p = run_pace_begin(&s);
    assert_int_equal(length_plan(&l, &s, &p), 720);
    s = after(0, 4);
    assert_false(length_over(&l, &s));
    l.seconds = 0.001; /* one step takes longer than the whole time */
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
            run_pace p = run_pace_begin(&s);
            assert_in_range(length_plan(&l, &s, &p), end, end + 1); /* + 1: of rounding */
        }
    }
}

static void test_a_plan_is_more_than_is_behind(void **state)
{
    (void)state;
    run_length l = { .seconds = 10, .min_tokens = 5000, .max_seconds = 20 };
    for (int64_t step = 0; step < 60; step++) {
        run_spent s = after(step, 1);
        run_pace p = run_pace_begin(&s);
        assert_true(length_plan(&l, &s, &p) > step);
    }
}

/* Plans at every step of a run whose steps take `before` seconds for half a minute and `later`
 * seconds then; returns the step at which it ends. */
static int64_t run_with_changing_load(
    const run_length *l, double before, double later, int64_t plans[], int64_t room)
{
    run_spent s = { 0 };
    run_pace p = run_pace_begin(&s);
    while (!length_over(l, &s)) {
        assert_true(s.steps < room);
        plans[s.steps] = length_plan(l, &s, &p);
        double took = s.seconds < 30 ? before : later;
        s.steps++, s.tokens += 1000, s.seconds += took;
        run_pace_step(&p, took);
    }
    return s.steps;
}

/* Half a minute after another program began or ended, the plan is within 6 % of the end. A plan by
 * the mean pace of the whole run would be wrong by 50 % and 25 % at that time. */
static void test_the_plan_follows_the_load(void **state)
{
    (void)state;
    enum { ROOM = 2000 };
    int64_t plans[ROOM];
    const run_length l = { .seconds = 180 };
    const double steps[][2] = { { 0.25, 0.75 }, { 0.75, 0.25 } };
    for (int i = 0; i < 2; i++) {
        int64_t end = run_with_changing_load(&l, steps[i][0], steps[i][1], plans, ROOM);
        int64_t known = (int64_t)(30 / steps[i][0] + 30 / steps[i][1]);
        for (int64_t step = known; step < end; step++)
            assert_in_range(plans[step], end - end * 6 / 100, end + end * 6 / 100);
    }
}

/* Steps that are longer than the time constant of the average: one slow step does not set the
 * pace. */
static void test_long_steps_have_a_pace(void **state)
{
    (void)state;
    run_pace p = run_pace_begin(&(run_spent){ 0 });
    assert_true(run_pace_of_step(&p) == 0);
    for (int i = 0; i < 30; i++) run_pace_step(&p, 60);
    run_pace_step(&p, 120);
    assert_true(run_pace_of_step(&p) > 60 && run_pace_of_step(&p) < 75);
}

/* A resumed run begins with the pace of its earlier steps, and forgets it as fast as any other. */
static void test_a_resumed_run_has_a_pace(void **state)
{
    (void)state;
    run_spent behind = after(400, 4);
    run_pace p = run_pace_begin(&behind);
    assert_true(run_pace_of_step(&p) == 0.25);
    for (int i = 0; i < 60; i++) run_pace_step(&p, 1);
    assert_true(run_pace_of_step(&p) > 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_steps),
        cmocka_unit_test(test_time_is_up),
        cmocka_unit_test(test_a_slow_machine_goes_on_until_it_has_seen_enough),
        cmocka_unit_test(test_the_plan_is_the_end),
        cmocka_unit_test(test_a_plan_is_more_than_is_behind),
        cmocka_unit_test(test_the_plan_follows_the_load),
        cmocka_unit_test(test_long_steps_have_a_pace),
        cmocka_unit_test(test_a_resumed_run_has_a_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
