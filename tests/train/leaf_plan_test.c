/* leaf_plan_test.c - however a batch is divided, its leaves are added along one tree. */
#include "train/leaf_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT = 4096, SLOTS = 12 };

/* A sum, written as text that shows what was added to what */
typedef char text[TEXT];

static void add_text(text to, const char *right)
{
    static text sum;
    snprintf(sum, sizeof sum, "(%.1900s+%.1900s)", to, right);
    snprintf(to, sizeof(text), "%s", sum);
}

/* Appends the sequences of a piece of a leaf, one after another, as a chain of additions does. */
static void add_chain(text to, int64_t begin, int64_t end)
{
    for (int64_t s = begin; s < end; s++) {
        size_t at = strlen(to);
        snprintf(to + at, sizeof(text) - at, ".%d", (int)s);
    }
}

/* Writes the sum of a run's leaves along the tree; the run begins where a node begins. */
static void add_tree(const leaf_micro_batch *p, const leaf_run *run, text to)
{
    static text sum[LEAVES_LEVELS + 1];
    leaf_tree tree = { 0 };
    for (int32_t i = run->begin; i < run->end; i++) {
        *sum[tree.count] = 0;
        add_chain(sum[tree.count], p->first + p->start[i], p->first + p->start[i + 1]);
        leaf_tree_push(&tree, i - run->begin, 0);
        for (; leaf_tree_joins(&tree); leaf_tree_pop(&tree))
            add_text(sum[tree.count - 2], sum[tree.count - 1]);
    }
    for (; tree.count > 1; leaf_tree_pop(&tree)) add_text(sum[tree.count - 2], sum[tree.count - 1]);
    snprintf(to, sizeof(text), "%s", sum[0]);
}

static void do_micro_batch(const leaf_micro_batch *p, text *slot)
{
    static text node;
    for (int32_t i = 0; i < p->runs; i++) {
        const leaf_run *run = &p->run[i];
        if (run->mode == LEAF_CONTINUE)
            add_chain(
                slot[run->to], p->first + p->start[run->begin], p->first + p->start[run->end]);
        else {
            add_tree(p, run, node);
            if (run->mode == LEAF_ADD) add_text(slot[run->to], node);
            else snprintf(slot[run->to], sizeof node, "%s", node);
        }
    }
    for (int32_t i = 0; i < p->joins; i++) add_text(slot[p->join[i].to], slot[p->join[i].from]);
}

/* Writes the sum that one rank has after all micro-batches. */
static void sum_of(int64_t batch, int64_t context, int64_t micro_batches, text out)
{
    static text slot[SLOTS];
    leaf_plan plan = { batch, micro_batches, leaf_count(batch, context), 0, 1 };
    leaf_sums sums = { 0 };
    leaf_micro_batch own;
    assert_int_equal(leaf_plan_check(&plan), CADRE_OK);
    assert_true(leaf_plan_slots(&plan) <= SLOTS);
    for (int64_t i = 0; i < micro_batches; i++) {
        leaf_plan_micro_batch(&plan, i, &sums, &own);
        assert_int_equal(own.sequences, batch / micro_batches);
        do_micro_batch(&own, slot);
    }
    leaf_plan_end(&sums, &own);
    do_micro_batch(&own, slot);
    snprintf(out, sizeof(text), "%s", slot[sums.node[0].slot]);
}

static void test_micro_batches_change_nothing(void **state)
{
    (void)state;
    static text whole, divided;
    for (int64_t batch = 1; batch <= 24; batch++) {
        sum_of(batch, 16, 1, whole);
        for (int64_t micro_batches = 2; micro_batches <= batch; micro_batches++) {
            if (batch % micro_batches) continue;
            sum_of(batch, 16, micro_batches, divided);
            if (strcmp(whole, divided))
                fail_msg("%d sequences in %d micro-batches: %s, not %s", (int)batch,
                    (int)micro_batches, divided, whole);
        }
    }
    sum_of(5, 16, 1, whole);
    assert_string_equal(whole, "(((.0+.1)+(.2+.3))+.4)");
}

/* Every leaf belongs to one rank, and a rank's nodes are whole. */
static void test_ranks_have_whole_leaves(void **state)
{
    (void)state;
    for (int32_t ranks = 1; ranks <= 8; ranks++) {
        int64_t next = 0;
        leaf_plan plan = { 12, 1, leaf_count(12, 64), 0, ranks };
        assert_int_equal(leaf_plan_check(&plan), CADRE_OK);
        for (plan.rank = 0; plan.rank < ranks; plan.rank++) {
            leaf_sums sums = { 0 };
            leaf_micro_batch own;
            leaf_plan_micro_batch(&plan, 0, &sums, &own);
            assert_int_equal(own.first, next);
            next = own.first + own.sequences;
            for (int32_t i = 0; i < sums.count; i++) assert_true(sums.node[i].level >= 0);
        }
        assert_int_equal(next, 12);
    }
}

/* Trap: if ranks divide many micro-batches, no two leaves of a rank are halves of a node, and a
 * rank must keep the sums of all of them. */
static void test_leaves_of_many_micro_batches_wait(void **state)
{
    (void)state;
    for (int64_t batch = 64; batch <= 66; batch++)
        for (int64_t micro_batches = 1; micro_batches <= batch; micro_batches++) {
            leaf_plan plan = { batch, micro_batches, leaf_count(batch, 1024), 0, 2 };
            if (batch % micro_batches || leaf_plan_check(&plan) != CADRE_OK) continue;
            for (plan.rank = 0; plan.rank < 2; plan.rank++) {
                leaf_sums sums = { 0 };
                leaf_micro_batch own;
                for (int64_t i = 0; i < micro_batches; i++)
                    leaf_plan_micro_batch(&plan, i, &sums, &own);
                assert_true(sums.count > 0 && sums.count <= LEAVES_MOST);
                assert_true(leaf_plan_slots(&plan) >= sums.count);
                if (batch == 64 && micro_batches == 32) assert_int_equal(sums.count, 32);
            }
        }
}

static void test_what_would_cut_a_leaf_is_refused(void **state)
{
    (void)state;
    leaf_plan many = { 12, 4, 8, 0, 3 }, odd = { 12, 3, 8, 0, 2 }, nine = { 12, 1, 8, 0, 9 };
    assert_int_equal(leaf_plan_check(&many), CADRE_EARGUMENT);
    assert_int_equal(leaf_plan_check(&odd), CADRE_EARGUMENT);
    assert_int_equal(leaf_plan_check(&nine), CADRE_EARGUMENT);
}

static void test_counts(void **state)
{
    (void)state;
    assert_int_equal(leaf_count(1, 4096), 1);
    assert_int_equal(leaf_count(6, 4096), 6);
    assert_int_equal(leaf_count(12, 64), 8);
    assert_int_equal(leaf_count(16, 256), 16);
    assert_int_equal(leaf_count(16, 128), 8);
    assert_int_equal(leaf_count(1024, 1024), LEAVES_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_micro_batches_change_nothing),
        cmocka_unit_test(test_ranks_have_whole_leaves),
        cmocka_unit_test(test_leaves_of_many_micro_batches_wait),
        cmocka_unit_test(test_what_would_cut_a_leaf_is_refused),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
