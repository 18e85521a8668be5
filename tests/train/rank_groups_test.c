/* rank_groups_test.c - which ranks form a group, and which share of the model each has. Ranks are
 * threads. */
#include "train/rank_groups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/thread_comm.h"

enum { RANKS = 8 };

typedef struct seen {
    int tokens[RANKS], tensor[RANKS]; /* place in the group, times 10, and its size */
    int wrong;
} seen;

static void look(comm *world, void *arg)
{
    seen *s = arg;
    rank_groups g;
    const rank_layout layout = { .expert = 2, .data = 1, .pipeline = 2, .tensor = 2 };
    rank_groups_shape(&g, world, &layout);
    rank_groups shape = g;
    s->wrong += rank_groups_open(&g) != CADRE_OK;
    s->wrong += g.tokens->rank != shape.shape[0].rank || g.tokens->size != shape.shape[0].size;
    s->wrong += g.tensor->rank != g.at.tensor || g.pipeline->rank != g.at.pipeline;
    int64_t members = 1 << world->rank;
    comm_all_reduce_counts(g.tensor, &members, 1);
    s->wrong += members != 3 << (world->rank / 2 * 2); /* neighbours */
    s->tokens[world->rank] = 10 * g.tokens->rank + g.tokens->size;
    s->tensor[world->rank] = 10 * g.tensor->rank + g.tensor->size;
    rank_groups_close(&g);
}

static void test_groups_of_a_layout(void **state)
{
    (void)state;
    seen s = { 0 };
    assert_int_equal(thread_comm_run(RANKS, 60, look, &s), CADRE_OK);
    assert_int_equal(s.wrong, 0);
    for (int r = 0; r < RANKS; r++) {
        assert_int_equal(s.tokens[r], 10 * (r / 2 % 2) + 2);
        assert_int_equal(s.tensor[r], 10 * (r % 2) + 2);
    }
}

/* Within a stage, ranks have groups of experts in the order of their slices; stages have the layers
 * in order. */
static void test_shares_of_a_layout(void **state)
{
    (void)state;
    rank_groups g;
    comm world = { .rank = 5, .size = RANKS };
    const rank_layout layout = { .expert = 1, .data = 2, .pipeline = 2, .tensor = 2 };
    rank_groups_shape(&g, &world, &layout);
    assert_true(rank_groups_several(&g));
    int64_t first = 0;
    bool held[4] = { false };
    for (int r = 0; r < RANKS; r++) {
        param_share s = rank_groups_share(&g, r);
        assert_true(s.whole_experts && s.slices == 2 && s.groups == 4);
        assert_int_equal(s.slice, r % 2);
        assert_int_equal(s.stage, r / 4);
        assert_true(s.stages == 2 && s.chunks == 1);
        if (r >= 4) continue;
        assert_int_equal(s.group / 2, s.slice);
        held[s.group] = true;
        first += s.group;
    }
    assert_int_equal(first, 0 + 1 + 2 + 3);
    for (int i = 0; i < 4; i++) assert_true(held[i]);
}

static void test_one_rank_and_no_layout(void **state)
{
    (void)state;
    rank_groups g;
    rank_groups_shape(&g, NULL, NULL);
    assert_false(rank_groups_several(&g));
    assert_true(g.tokens->size == 1 && !g.tensor && !g.pipeline);
    comm world = { .rank = 2, .size = 3 };
    rank_groups_shape(&g, &world, NULL);
    assert_true(g.size.data == 3 && g.tokens->rank == 2 && g.tokens->size == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_of_a_layout),
        cmocka_unit_test(test_shares_of_a_layout),
        cmocka_unit_test(test_one_rank_and_no_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
