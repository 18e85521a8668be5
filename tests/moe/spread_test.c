/* spread_test.c - placements of experts: even, by load, with replicas. */
#include "moe/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cadre/ranks.h"

#include "base/memory.h"
#include "base/share.h"

enum { EXPERTS = 8, RANKS = 4 };
static const int64_t loads[EXPERTS] = { 100, 1, 1, 1, 40, 40, 1, 16 };

/* The load of the busiest rank, if copies share their expert's evenly; checks the room. */
static double busiest(const expert_spread *s, int room)
{
    double load[RANKS] = { 0 }, most = 0;
    int held[RANKS] = { 0 };
    for (int e = 0; e < s->experts; e++)
        for (int i = s->first[e]; i < s->first[e + 1]; i++) {
            assert_in_range(s->rank[i], 0, RANKS - 1);
            load[s->rank[i]] += (double)loads[e] / (s->first[e + 1] - s->first[e]);
            held[s->rank[i]]++;
        }
    for (int r = 0; r < RANKS; r++) {
        assert_true(held[r] <= room);
        if (load[r] > most) most = load[r];
    }
    return most;
}

static double busiest_of(spread_kind kind, int replicas)
{
    expert_spread s;
    assert_int_equal(spread_make(kind, EXPERTS, RANKS, replicas, loads, &s), CADRE_OK);
    double most = busiest(&s, (s.first[EXPERTS] + RANKS - 1) / RANKS);
    spread_free(&s);
    return most;
}

static void test_placements(void **state)
{
    (void)state;
    assert_true(busiest_of(SPREAD_EVEN, 0) == 101);
    assert_true(busiest_of(SPREAD_BALANCED, 0) == 101); /* the busiest expert alone has so much */
    assert_true(busiest_of(SPREAD_REPLICATED, 4) < 60); /* in halves or thirds it has not */
}

static void test_every_name_is_a_kind(void **state)
{
    spread_kind kind;
    (void)state;
    for (int i = 0; i <= SPREAD_REPLICATED; i++) {
        assert_true(spread_kind_by_word(cadre_placement_name(i), &kind));
        assert_int_equal(kind, i);
    }
    assert_null(cadre_placement_name(SPREAD_REPLICATED + 1));
    assert_false(spread_kind_by_word("evenly", &kind));
}

static void test_copies_lie_apart(void **state)
{
    (void)state;
    expert_spread s;
    assert_int_equal(spread_make(SPREAD_REPLICATED, EXPERTS, RANKS, 4, loads, &s), CADRE_OK);
    assert_int_equal(s.first[EXPERTS], EXPERTS + 4);
    assert_true(s.first[1] >= 3); /* the busiest has most copies */
    for (int i = 0; i < s.first[1]; i++)
        for (int j = 0; j < i; j++) assert_int_not_equal(s.rank[i], s.rank[j]);
    spread_free(&s);
}

static void test_more_ranks_than_experts(void **state)
{
    (void)state;
    expert_spread s;
    assert_int_equal(spread_make(SPREAD_EVEN, EXPERTS, 4096, 0, loads, &s), CADRE_OK);
    assert_int_equal(s.rank[7], 4095);
    spread_free(&s);
}

/* Even is what ranks that run a model hold. */
static void test_even_is_a_share(void **state)
{
    (void)state;
    for (int ranks = 1; ranks <= EXPERTS; ranks++) {
        expert_spread s;
        assert_int_equal(spread_make(SPREAD_EVEN, EXPERTS, ranks, 0, loads, &s), CADRE_OK);
        for (int r = 0; r < ranks; r++)
            for (int64_t e = share_begin(EXPERTS, r, ranks); e < share_begin(EXPERTS, r + 1, ranks);
                 e++)
                assert_int_equal(s.rank[e], r);
        spread_free(&s);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (long n = 1; n < 20; n++) {
        expert_spread s = { 0 };
        mem_fail_at(n, false);
        cadre_status status = spread_make(SPREAD_REPLICATED, EXPERTS, RANKS, 2, loads, &s);
        mem_fail_at(0, false);
        spread_free(&s);
        if (status == CADRE_OK) return;
        assert_int_equal(status, CADRE_ENOMEM);
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placements),
        cmocka_unit_test(test_every_name_is_a_kind),
        cmocka_unit_test(test_copies_lie_apart),
        cmocka_unit_test(test_more_ranks_than_experts),
        cmocka_unit_test(test_even_is_a_share),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
