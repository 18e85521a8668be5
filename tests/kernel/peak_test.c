/* peak_test.c - the chains do the work that they say, and every word is read once. */
#include "kernel/peak.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel/variant.h"

static void work_grows_with_rounds_and_the_sum_stays_finite(void **state)
{
    (void)state;
    int count;
    const kernel_variant *const *list = variant_list(&count);
    for (int i = 0; i < count; i++) {
        if (list[i]->needs & ~cpu_features()) continue;
        real sink = 0;
        double one = list[i]->peak(1, &sink), many = list[i]->peak(1000, &sink);
        assert_true(one > 0 && many == 1000 * one);
        assert_true(isfinite((double)sink) && sink > 0);
    }
}

static void every_word_is_read_once(void **state)
{
    enum { COUNT = 4 * 32 * 5 };
    static uint64_t words[COUNT];
    uint64_t sum = 0;
    (void)state;
    for (int i = 0; i < COUNT; i++) sum += words[i] = (uint64_t)i * 0x9e3779b97f4a7c15;
    for (int streams = 1; streams <= 4; streams *= 2)
        assert_true(peak_read(words, COUNT, streams) == sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_grows_with_rounds_and_the_sum_stays_finite),
        cmocka_unit_test(every_word_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
