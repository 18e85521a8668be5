/* clock_test.c - seconds that pass, and seconds that the process works. */
#define _GNU_SOURCE
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Read between two readings of the system's own. */
static void both_clocks_tell_seconds(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        double a = seconds_of(CLOCK_MONOTONIC), wall = clock_seconds(),
               b = seconds_of(CLOCK_MONOTONIC);
        assert_true(wall >= a - 1e-6 && wall <= b + 1e-6);
        double c = seconds_of(CLOCK_PROCESS_CPUTIME_ID), work = clock_processor_seconds(),
               d = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        assert_true(work >= c - 1e-6 && work <= d + 1e-6);
    }
}

static void sleeping_is_no_work(void **state)
{
    (void)state;
    double wall = clock_seconds(), work = clock_processor_seconds();
    nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    assert_true(clock_seconds() - wall >= 0.05);
    assert_true(clock_processor_seconds() - work < 0.04);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(both_clocks_tell_seconds),
        cmocka_unit_test(sleeping_is_no_work) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
