/* ticker_test.c - the thread calls, not while it is held, and ends at once. */
#include "base/ticker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void count(void *arg) { ++*(int *)arg; }

static int calls_of(ticker *t, const int *calls)
{
    ticker_hold(t);
    int now = *calls;
    ticker_release(t);
    return now;
}

static void test_calls(void **state)
{
    (void)state;
    int calls = 0;
    ticker *t = ticker_new(0.001, count, &calls);
    assert_non_null(t);
    double begin = clock_seconds();
    while (calls_of(t, &calls) < 3 && clock_seconds() - begin < 30) clock_sleep(0.001);
    assert_true(calls_of(t, &calls) >= 3);
    ticker_hold(t);
    int held = calls;
    clock_sleep(0.05);
    assert_int_equal(calls, held);
    ticker_release(t);
    ticker_free(t);
    held = calls;
    clock_sleep(0.02);
    assert_int_equal(calls, held);
}

static void test_the_end(void **state)
{
    (void)state;
    int calls = 0;
    double begin = clock_seconds();
    ticker_free(ticker_new(60, count, &calls));
    ticker_free(NULL);
    assert_true(clock_seconds() - begin < 30);
    assert_int_equal(calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
