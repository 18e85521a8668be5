/* run_validation_test.c - after which steps a run is validated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "train/run.h"

static void test_every_so_many_steps(void **state)
{
    (void)state;
    train_run r = { .settings = { .validate_every = 5 } };
    int64_t looks = 0;
    for (int64_t step = 1; step <= 23; step++) looks += train_validation_due(&r, step);
    assert_int_equal(looks, 4);
    assert_true(train_validation_due(&r, 20) && !train_validation_due(&r, 21));
    r.settings.validate_every = 0;
    for (int64_t step = 1; step <= 23; step++) assert_false(train_validation_due(&r, step));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_so_many_steps) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
