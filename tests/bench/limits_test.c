/* limits_test.c - what a machine can do at most is measured by what was run: the best of a few
 * times, rates that are no less than what a product reaches, and none where there is no memory. */
#include "bench/limits.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernel/context.h"
#include "support/succeeds.h"

/* Each run takes as long as its turn says, in milliseconds; the last one goes on. */
typedef struct runs {
    const int *milliseconds;
    int count, listed;
    double shortest, longest; /* what they really took, the first one aside */
} runs;

static void wait_for(double seconds)
{
    for (double begin = clock_seconds(); clock_seconds() - begin < seconds;) {}
}

static void run(void *arg)
{
    runs *r = arg;
    int at = r->count < r->listed ? r->count : r->listed - 1;
    double begin = clock_seconds();
    wait_for(r->milliseconds[at] * 1e-3);
    double took = clock_seconds() - begin;
    if (r->count++ == 0) return;
    if (took < r->shortest) r->shortest = took;
    if (took > r->longest) r->longest = took;
}

/* The first one warms up: that it is the fastest does not count. */
static void the_shortest_of_the_measured_times(void **state)
{
    (void)state;
    static const int milliseconds[] = { 0, 30, 12, 30, 25 };
    runs r = { milliseconds, 0, 5, INFINITY, 0 };
    double best = bench_best(run, &r, 10);
    assert_true(best >= 0.012 && best >= r.shortest && best < r.longest);
    assert_int_equal(r.count, 1 + 9);
}

static void it_stops_when_the_time_is_up(void **state)
{
    (void)state;
    static const int milliseconds[] = { 20 };
    runs r = { milliseconds, 0, 1, INFINITY, 0 };
    double best = bench_best(run, &r, 0);
    assert_true(best >= 0.02);
    assert_int_equal(r.count, 2); /* the warm one, and one that counts */
}

/* On a machine that others use too, one worker may get little; but never more than the wires
 * carry. */
static void rates_are_those_of_a_machine(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        compute *c;
        succeeds(compute_new(threads, NULL, &c));
        double peak = bench_fma_peak(c), bandwidth = bench_bandwidth(c);
        assert_true(isfinite(peak) && peak > 1e6 && peak < 1e13 * threads);
        assert_true(isfinite(bandwidth) && bandwidth > 1e6 && bandwidth < 1e13);
        compute_free(c);
    }
}

static void without_memory_there_is_no_rate(void **state)
{
    (void)state;
    compute *c;
    succeeds(compute_new(1, NULL, &c));
    int64_t before = mem_balance();
    for (int k = 1; k <= 2; k++) {
        mem_fail_at(k, true);
        assert_true(bench_bandwidth(c) == 0);
        mem_fail_at(0, false);
    }
    mem_fail_at(1, true);
    assert_true(bench_fma_peak(c) == 0);
    mem_fail_at(0, false);
    assert_int_equal(mem_balance(), before);
    compute_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_of_the_measured_times),
        cmocka_unit_test(it_stops_when_the_time_is_up),
        cmocka_unit_test(rates_are_those_of_a_machine),
        cmocka_unit_test(without_memory_there_is_no_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
