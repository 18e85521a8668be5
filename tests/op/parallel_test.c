/* parallel_test.c - every index is visited once, in ranges that are cut where they should be. */
#include "kernel/context.h"
#include "op/parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct visits {
    int64_t count, grain;
    int seen[1000];
} visits;

static void visit(void *arg, int64_t begin, int64_t end)
{
    visits *v = arg;
    assert_true(begin < end && begin % v->grain == 0 && (end % v->grain == 0 || end == v->count));
    for (int64_t i = begin; i < end; i++) v->seen[i]++; /* workers' ranges are apart */
}

static void test_each_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        compute *c;
        assert_int_equal(compute_new(threads, NULL, &c), CADRE_OK);
        for (int64_t count = 0; count <= 1000; count += count < 10 ? 1 : 110)
            for (int64_t grain = 1; grain <= 32; grain *= 4)
                for (int64_t work = 0; work < 1 << 20; work += (1 << 20) - 1) {
                    visits v = { count, grain, { 0 } };
                    parallel_over(c, count, grain, work, visit, &v);
                    for (int64_t i = 0; i < 1000; i++) assert_int_equal(v.seen[i], i < count);
                }
        compute_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_once) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
