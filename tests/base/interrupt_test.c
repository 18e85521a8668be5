/* interrupt_test.c - the request to stop. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/interrupt.h"
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

static void a_request_is_unheard_while_some_thread_cannot_look(void **state)
{
    (void)state;
    interrupt_unheard_begin();
    assert_false(cadre_interrupt_unheard());
    cadre_interrupt();
    assert_true(cadre_interrupt_unheard());
    interrupt_unheard_begin();
    interrupt_unheard_end();
    assert_true(cadre_interrupt_unheard());
    interrupt_unheard_end();
    assert_false(cadre_interrupt_unheard());
    cadre_interrupt_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_handler_may_ask_and_it_is_taken_back),
        cmocka_unit_test(a_request_is_unheard_while_some_thread_cannot_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
