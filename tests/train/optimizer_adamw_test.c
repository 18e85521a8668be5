/* optimizer_adamw_test.c - AdamW on several threads, resumed, and with frozen elements;
 * optimizer_test.c tests its formulas. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/stepped.h"

static void test_same_bits(void **state)
{
    (void)state;
    const optimizer_options o = {
        .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1, .clip = 1
    };
    stepped_same_bits(&o);
    stepped_freezes_router(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_bits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
