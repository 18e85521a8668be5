/* health_test.c - dead experts and dropped picks are found when they last long enough, and once. */
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
    return health_check(h);
}

static void dead_experts(void **state)
{
    (void)state;
    health h;
    const int64_t even[E] = { 25, 25, 25, 25 }, one_idle[E] = { 50, 25, 25, 0 };
    assert_int_equal(health_open(&h, E), CADRE_OK);
    for (int i = 0; i < 40; i++) assert_int_equal(step(&h, one_idle, 0), 0); /* not yet dead */
    assert_int_equal(step(&h, even, 0), 0);                                  /* it gets tokens */
    int found = 0;
    for (int i = 0; i < 120; i++)
        if (step(&h, one_idle, 0) == HEALTH_DEAD)
            found++, assert_true(i >= 49), assert_int_equal(h.dead, 1);
    assert_int_equal(found, 1);
    health_close(&h);
}

/* With so few picks an expert may get none by chance. */
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

/* With an even share of 6 picks a step, 42 steps would make 252 missed picks and the next would
 * reach 256. But at most 5 count for one step, and so it takes 52 steps. */
static void missed_picks_are_even_shares(void **state)
{
    (void)state;
    static const struct {
        int64_t share;
        int steps;
    } cases[] = { { 1, 256 }, { 2, 128 }, { 4, 64 }, { 5, 52 }, { 6, 52 }, { 500, 52 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t count[E] = { 2 * cases[i].share, cases[i].share, cases[i].share, 0 };
        health h;
        assert_int_equal(health_open(&h, E), CADRE_OK);
        for (int s = 1; s < cases[i].steps; s++) assert_int_equal(step(&h, count, 0), 0);
        assert_int_equal(step(&h, count, 0), HEALTH_DEAD);
        assert_int_equal(h.dead, 1);
        health_close(&h);
    }
}

/* Each expert of two layers is counted apart. Drops are counted over twenty steps, and a quarter of
 * the picks is not too many. */
static void layers_and_windows(void **state)
{
    (void)state;
    const int64_t first[E] = { 1000, 0, 1000, 1000 }, second[E] = { 0, 1000, 1000, 1000 };
    health h;
    assert_int_equal(health_open(&h, 2 * E), CADRE_OK);
    for (int s = 1; s <= 52; s++) {
        health_count(&h, &(balance_totals){ .experts = E, .count = first });
        health_count(&h, &(balance_totals){ .experts = E, .count = second });
        assert_int_equal(health_check(&h), s == 52 ? HEALTH_DEAD : 0);
    }
    assert_int_equal(h.dead, 2);
    health_close(&h);
    const int64_t even[E] = { 25, 25, 25, 25 };
    assert_int_equal(health_open(&h, E), CADRE_OK);
    for (int s = 1; s <= 20; s++) assert_int_equal(step(&h, even, 25), 0);
    for (int s = 1; s < 20; s++) assert_int_equal(step(&h, even, 25), 0);
    assert_int_equal(step(&h, even, 26), HEALTH_DROPS);
    assert_true(h.drop_share == 501.0 / 2000);
    health_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(dead_experts), cmocka_unit_test(few_picks),
        cmocka_unit_test(drops), cmocka_unit_test(missed_picks_are_even_shares),
        cmocka_unit_test(layers_and_windows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
