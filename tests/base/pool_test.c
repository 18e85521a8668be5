/* pool_test.c - every worker runs its share, once, in every run. */
#define _GNU_SOURCE
#include "base/pool.h"

#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/status.h"
#include "support/heap_peak.h"

enum { ITEMS = 1003 };

typedef struct tally {
    int64_t item[ITEMS]; /* times it was worked on */
    int runs[16];        /* of each worker */
} tally;

static void work(void *arg, int worker, int workers)
{
    tally *t = arg;
    pool_range r = pool_share(ITEMS, 8, worker, workers);
    t->runs[worker]++;
    for (int64_t i = r.begin; i < r.end; i++) t->item[i]++;
}

static void each_item_is_worked_on_once_a_run(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        pool *p = pool_new(threads);
        assert_non_null(p);
        assert_int_equal(pool_threads(p), threads);
        tally t = { 0 };
        for (int run = 0; run < 200; run++) pool_run(p, work, &t);
        for (int i = 0; i < ITEMS; i++) assert_int_equal(t.item[i], 200);
        for (int w = 0; w < threads; w++) assert_int_equal(t.runs[w], 200);
        pool_free(p);
    }
}

static void no_pool_is_a_pool_of_one(void **state)
{
    (void)state;
    tally t = { 0 };
    pool_run(NULL, work, &t);
    assert_int_equal(t.item[ITEMS - 1], 1);
    assert_int_equal(pool_threads(NULL), 1);
    pool_free(NULL);
}

static void a_pool_that_never_ran_can_be_freed(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) pool_free(pool_new(3));
}

/* Trap: a thread that starts late allocates in the middle of the work. */
static void threads_have_started_when_the_pool_is_there(void **state)
{
    (void)state;
    heap_peak_begin(); /* the first call installs the count */
    for (int i = 0; i < 20; i++) {
        pool *p = pool_new(3);
        tally t = { 0 };
        bool counts = heap_peak_begin();
        pool_run(p, work, &t);
        if (counts) assert_int_equal(heap_peak_end(), 0);
        else if (i == 0)
            printf("SKIP: not built with the address sanitizer, which counts: memory\n");
        pool_free(p);
    }
}

static void shares_are_cut_at_multiples_of_the_grain(void **state)
{
    (void)state;
    for (int64_t count = 0; count < 100; count += 7)
        for (int workers = 1; workers < 9; workers++) {
            int64_t end = 0;
            for (int w = 0; w < workers; w++) {
                pool_range r = pool_share(count, 16, w, workers);
                assert_int_equal(r.begin, end);
                assert_true(r.begin % 16 == 0 || r.begin == count);
                end = r.end;
            }
            assert_int_equal(end, count);
        }
}

static int threads_of_this_process(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks));) count += task->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* A joined thread may stand in the list for a moment yet. */
static void no_thread_is_left(int before)
{
    for (int i = 0; i < 100 && threads_of_this_process() > before; i++) usleep(10000);
    assert_int_equal(threads_of_this_process(), before);
}

static void a_freed_pool_leaves_no_thread(void **state)
{
    (void)state;
    int before = threads_of_this_process();
    pool *p = pool_new(4);
    assert_int_equal(threads_of_this_process(), before + 3);
    pool_free(p);
    no_thread_is_left(before);
}

static void a_pool_that_finds_no_memory_says_how_far_it_came(void **state)
{
    (void)state;
    int before = threads_of_this_process();
    for (long n = 1; n <= 5; n++) { /* the pool, the handles, three seats */
        mem_fail_at(n, false);
        pool *p = pool_new(4);
        mem_fail_at(0, false);
        assert_null(p);
        char wanted[80];
        snprintf(wanted, sizeof wanted, "4 worker threads could not be started, %d could",
            n < 3 ? 1 : (int)n - 2);
        if (n > 1) assert_string_equal(cadre_last_error(), wanted);
    }
    no_thread_is_left(before);
}

static void as_many_threads_as_cores_that_may_be_used(void **state)
{
    (void)state;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_int_equal(pool_default_threads(), CPU_COUNT(&all));
    size_t first = 0;
    while (!CPU_ISSET(first, &all)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(pool_default_threads(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    pool *p = pool_new(0);
    assert_int_equal(pool_threads(p), 1);
    pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_is_worked_on_once_a_run),
        cmocka_unit_test(no_pool_is_a_pool_of_one),
        cmocka_unit_test(a_pool_that_never_ran_can_be_freed),
        cmocka_unit_test(threads_have_started_when_the_pool_is_there),
        cmocka_unit_test(shares_are_cut_at_multiples_of_the_grain),
        cmocka_unit_test(a_freed_pool_leaves_no_thread),
        cmocka_unit_test(a_pool_that_finds_no_memory_says_how_far_it_came),
        cmocka_unit_test(as_many_threads_as_cores_that_may_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
