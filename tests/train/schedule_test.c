/* schedule_test.c - learning rates at the steps at which schedules change. */
#include "train/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/within.h"

static void test_warmup_rises_in_a_line(void **state)
{
    (void)state;
    schedule s = { SCHEDULE_COSINE, 0.003, 0.1, 10, 50 };
    assert_within(schedule_lr(&s, 0), 0.0003, 1e-12);
    assert_within(schedule_lr(&s, 9), 0.003, 1e-12);
}

static void test_cosine_ends_at_its_ratio(void **state)
{
    (void)state;
    schedule s = { SCHEDULE_COSINE, 0.003, 0.1, 10, 50 };
    assert_within(schedule_lr(&s, 10), 0.003, 1e-12);
    assert_within(schedule_lr(&s, 30), 0.003 * (0.1 + 0.9 * 0.5), 1e-12);
    assert_within(schedule_lr(&s, 50), 0.0003, 1e-12);
    for (int64_t i = 11; i < 50; i++) assert_true(schedule_lr(&s, i) < schedule_lr(&s, i - 1));
}

static void test_constant_and_stable_then_decay(void **state)
{
    (void)state;
    schedule s = { SCHEDULE_CONSTANT, 0.01, 0.1, 0, 100 };
    assert_within(schedule_lr(&s, 0), 0.01, 0);
    assert_within(schedule_lr(&s, 99), 0.01, 0);
    s.kind = SCHEDULE_WSD;
    assert_within(schedule_lr(&s, 80), 0.01, 1e-12);
    assert_within(schedule_lr(&s, 90), 0.01 * (1 - 0.9 * 0.5), 1e-12);
    assert_within(schedule_lr(&s, 100), 0.001, 1e-12);
}

/* The rate falls in the last fifth of the steps, or in what is left of it after the warm-up. */
static void test_a_warmup_into_the_last_fifth(void **state)
{
    (void)state;
    schedule s = { SCHEDULE_WSD, 0.01, 0.1, 90, 100 };
    assert_within(schedule_lr(&s, 44), 0.01 * 45 / 90, 1e-12);
    assert_within(schedule_lr(&s, 89), 0.01, 1e-12);
    assert_within(schedule_lr(&s, 90), 0.01, 1e-12);
    assert_within(schedule_lr(&s, 95), 0.01 * (1 - 0.9 * 0.5), 1e-12);
    s.warmup = 0;
    assert_within(schedule_lr(&s, 79), 0.01, 0);
    assert_within(schedule_lr(&s, 81), 0.01 * (1 - 0.9 * 0.05), 1e-12);
    s.steps = 4; /* a fifth is less than one step */
    assert_within(schedule_lr(&s, 3), 0.01, 0);
    s = (schedule){ SCHEDULE_COSINE, 0.01, 0.1, 20, 10 }; /* the run ends during the warm-up */
    assert_within(schedule_lr(&s, 9), 0.005, 1e-12);
    assert_within(schedule_lr(&s, 20), 0.001, 1e-12);
}

static void test_a_run_of_one_step(void **state)
{
    (void)state;
    for (int kind = SCHEDULE_CONSTANT; kind <= SCHEDULE_WSD; kind++) {
        schedule s = { (schedule_kind)kind, 0.01, 0.1, 0, 1 };
        assert_true(schedule_lr(&s, 0) > 0 && schedule_lr(&s, 0) <= 0.01);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warmup_rises_in_a_line),
        cmocka_unit_test(test_cosine_ends_at_its_ratio),
        cmocka_unit_test(test_constant_and_stable_then_decay),
        cmocka_unit_test(test_a_warmup_into_the_last_fifth),
        cmocka_unit_test(test_a_run_of_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
