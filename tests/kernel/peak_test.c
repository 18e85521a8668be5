/* peak_test.c - the chains do the work that they say. */
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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(
        work_grows_with_rounds_and_the_sum_stays_finite) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
