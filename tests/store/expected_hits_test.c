/* expected_hits_test.c - the expected hit rate never falls with more slots, and is 1 if all experts
 * fit. */
#include "store/expected_hits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void it_grows_from_none_to_all(void **state)
{
    (void)state;
    assert_true(expected_hit_rate(0) == 0 && expected_hit_rate(1) == 1);
    for (double share = 0.01; share < 1; share += 0.01) {
        assert_true(expected_hit_rate(share) > expected_hit_rate(share - 0.01));
        assert_true(expected_hit_rate(share) > share);
    }
    assert_true(expected_hit_rate(2) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_grows_from_none_to_all) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
