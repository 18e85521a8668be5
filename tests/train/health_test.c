/* health_test.c - idle experts and dropped picks are found when they last, and once. */
#include "train/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { E = 4 };

static unsigned step(health *h, const int64_t count[E], int64_t dropped)
{
    const balance_totals layer = { .experts = E, .count = count, .dropped = dropped };
    health_count(h, &layer);
    return health_look(h);
}

static void idle_experts(void **state)
{
    (void)state;
    health h;
    const int64_t even[E] = { 25, 25, 25, 25 }, one_idle[E] = { 50, 25, 25, 0 };
    assert_int_equal(health_open(&h, E), CADRE_OK);
    for (int i = 0; i < 40; i++) assert_int_equal(step(&h, one_idle, 0), 0); /* not yet */
    assert_int_equal(step(&h, even, 0), 0);                                  /* it woke */
    int found = 0;
    for (int i = 0; i < 120; i++)
        if (step(&h, one_idle, 0) == HEALTH_DEAD)
            found++, assert_true(i >= 49), assert_int_equal(h.dead, 1);
    assert_int_equal(found, 1);
    health_close(&h);
}

/* So few picks that an expert may go without by chance. */
static void few_picks(void **state)
{
    (void)state;
    health h;
    const int64_t count[E] = { 2, 1, 0, 0 };
    assert_int_equal(health_open(&h, E), CADRE_OK);
    for (int i = 0; i < 300; i++) assert_int_equal(step(&h, count, 0), 0);
    health_close(&h);
}

static void drops(void **state)
{
    (void)state;
    health h;
    const int64_t count[E] = { 25, 25, 25, 25 };
    assert_int_equal(health_open(&h, E), CADRE_OK);
    for (int i = 0; i < 60; i++) assert_int_equal(step(&h, count, 20), 0);
    int found = 0;
    for (int i = 0; i < 60; i++) found += step(&h, count, 40) == HEALTH_DROPS;
    assert_int_equal(found, 1);
    health_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(idle_experts), cmocka_unit_test(few_picks),
        cmocka_unit_test(drops) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
