/* interrupt_test.c - the request to stop. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cadre.h"

static void on_signal(int number)
{
    (void)number;
    cadre_interrupt();
}

static void a_signal_handler_may_ask_and_it_is_taken_back(void **state)
{
    (void)state;
    assert_false(cadre_interrupted());
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    assert_true(cadre_interrupted());
    cadre_interrupt_clear();
    assert_false(cadre_interrupted());
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(
        a_signal_handler_may_ask_and_it_is_taken_back) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
