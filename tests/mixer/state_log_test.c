/* state_log_test.c - events in their order, and numbers that nobody else has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mixer/state_log.h"

static void events(void **state)
{
    state_log l;
    (void)state;
    state_log_open(&l);
    for (int64_t i = 0; i < 200; i++)
        state_log_put(&l, &(state_event){ STATE_BLOCK_COPIED, 1, i, i + 1 });
    assert_int_equal(l.count, 200);
    assert_false(l.lost);
    for (int64_t i = 0; i < 200; i++) assert_int_equal(l.events[i].to, i);
    assert_int_equal(state_log_number(&l, &l.pools), 1);
    assert_int_equal(state_log_number(&l, &l.pools), 2);
    assert_int_equal(state_log_number(&l, &l.sequences), 1);
    state_log_put(NULL, &(state_event){ STATE_POOL_ENDED, 1, 0, 0 });
    state_log_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(events) };
    return cmocka_run_group_tests_name("a log of pasts", tests, NULL, NULL);
}
