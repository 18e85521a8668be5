/* layout_choice_test.c - the layouts of a number of ranks, and which of them comes first: on one
 * machine, over a slow link, and for a model of few heads. */
#include "dist/layout_choice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dist/group.h"
#include "support/family.h"
#include "support/succeeds.h"

enum { MOST = 64 };

static void check_product(void *arg, const rank_layout *l)
{
    int *left = arg;
    assert_int_equal(layout_ranks(l), left[0]);
    left[1]++;
}

/* As many as there are ordered products of four numbers */
static void every_product_is_visited_once(void **state)
{
    (void)state;
    static const int ranks[] = { 1, 2, 3, 4, 6, 8, 12 }, products[] = { 1, 4, 4, 10, 16, 20, 40 };
    for (int i = 0; i < 7; i++) {
        int seen[2] = { ranks[i], 0 };
        layouts_visit(ranks[i], check_product, seen);
        assert_int_equal(seen[1], products[i]);
    }
}

/* The best layouts of so many ranks, of which `per_node` share a machine */
static int best_for(
    const layout_work *w, const model_config *c, int ranks, int per_node, rank_layout best[MOST])
{
    group g = { .per_node = per_node };
    comm all = { .size = ranks, .state = &g };
    return layouts_by_cost(&all, c, w, best, MOST);
}

static int best_of(
    const model_config *c, int64_t bytes, int ranks, int per_node, rank_layout best[MOST])
{
    return best_for(&(layout_work){ .weight_bytes = bytes }, c, ranks, per_node, best);
}

static model_config model_of(const char *sizes) { return family_config("qwen3_moe", sizes); }

static const char large[] = "\"hidden_size\": 2048, \"num_hidden_layers\": 24, "
                            "\"num_attention_heads\": 32, \"num_key_value_heads\": 4, "
                            "\"head_dim\": 128, \"num_experts\": 64, \"num_experts_per_tok\": 8, "
                            "\"moe_intermediate_size\": 768, \"vocab_size\": 32000";
static const char small[] = "\"hidden_size\": 64, \"num_hidden_layers\": 8, "
                            "\"num_attention_heads\": 4, \"num_key_value_heads\": 4, "
                            "\"head_dim\": 16, \"num_experts\": 8, \"num_experts_per_tok\": 2, "
                            "\"moe_intermediate_size\": 32, \"vocab_size\": 512";

static void large_models_are_cut_into_slices(void **state)
{
    (void)state;
    model_config c = model_of(large);
    rank_layout best[MOST];
    assert_true(best_of(&c, (int64_t)4e9, 2, 2, best) >= 3);
    assert_int_equal(best[0].tensor, 2);
    assert_true(best_of(&c, (int64_t)4e9, 4, 1, best) > 0);
    assert_true(best[0].tensor > 1); /* a network is fast enough for them */
    /* Slices can be as many as the heads of keys and values; experts or stages take the rest. */
    assert_true(best_of(&c, (int64_t)4e9, 8, 8, best) > 0);
    assert_int_equal(best[0].tensor, 4);
    assert_int_equal(best[0].expert * best[0].pipeline, 2);
    model_config_free(&c);
}

/* A message over a network takes longer than all that a small model computes. */
static void small_models_exchange_little(void **state)
{
    (void)state;
    model_config c = model_of(small);
    rank_layout best[MOST];
    assert_true(best_of(&c, 0, 2, 1, best) > 0);
    assert_int_equal(best[0].pipeline, 2);
    model_config_free(&c);
}

static void only_possible_layouts_are_listed(void **state)
{
    (void)state;
    model_config c = model_of(small);
    rank_layout best[MOST];
    int count = best_of(&c, 0, 3, 3, best);
    assert_int_equal(count, 2); /* three does not divide the heads, and one sequence has no parts */
    for (int i = 0; i < count; i++)
        assert_true(best[i].tensor == 1 && best[i].data == 1 && layout_ranks(&best[i]) == 3);
    assert_int_equal(best_of(&c, 0, 4, 4, best), 6);
    rank_layout one[1];
    group g = { .per_node = 4 };
    comm all = { .size = 4, .state = &g };
    assert_int_equal(layouts_by_cost(&all, &c, &(layout_work){ 0 }, one, 1), 1);
    assert_memory_equal(one, best, sizeof one);
    model_config_free(&c);
}

/* Training divides the batch as far as its leaves go, and then the layers or matrices. */
static void training_divides_the_batch_first(void **state)
{
    (void)state;
    model_config c = model_of(small);
    rank_layout best[MOST];
    assert_true(best_for(&(layout_work){ .batch = 8, .length = 256 }, &c, 4, 4, best) > 0);
    assert_int_equal(best[0].data, 4);
    assert_true(best_for(&(layout_work){ .batch = 2, .length = 256 }, &c, 4, 4, best) > 0);
    assert_int_equal(best[0].expert * best[0].data, 2);
    assert_int_equal(best[0].pipeline * best[0].tensor, 2);
    model_config_free(&c);
}

/* Stages of a pipeline wait for each other where there is one micro-batch. */
static void pipelines_need_micro_batches(void **state)
{
    (void)state;
    model_config c = model_of(small);
    rank_layout best[MOST];
    const layout_work whole = { .batch = 1, .length = 256, .accumulate = 1 },
                      parts = { .batch = 4, .length = 256, .accumulate = 4 };
    assert_true(best_for(&whole, &c, 2, 2, best) > 0);
    assert_int_equal(best[0].tensor, 2);
    assert_true(best_for(&parts, &c, 2, 1, best) > 0);
    assert_int_equal(best[0].pipeline, 2);
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_product_is_visited_once),
        cmocka_unit_test(large_models_are_cut_into_slices),
        cmocka_unit_test(small_models_exchange_little),
        cmocka_unit_test(only_possible_layouts_are_listed),
        cmocka_unit_test(training_divides_the_batch_first),
        cmocka_unit_test(pipelines_need_micro_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
