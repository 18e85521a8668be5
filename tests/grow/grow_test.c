/* grow_test.c - a sparse model with more experts computes what it did, with every router for which
 * this is known; the others are refused by name, and a newcomer that is not held is picked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/file.h"
#include "support/family.h"
#include "support/grown.h"
#include "support/long.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static cadre_context *context;

static int begin(void **state)
{
    (void)state;
    return cadre_context_new(2, NULL, &context) != CADRE_OK;
}

static int end(void **state)
{
    (void)state;
    cadre_context_free(context);
    return 0;
}

static void make_old(const char *type, const char *members)
{
    grown_family(context, "old", type, members, "1");
}

static cadre_status grow(const char *given, cadre_growth *growth)
{
    cadre_options *o = grown_options(cadre_grow_options(), given);
    *growth = (cadre_growth){ .size = sizeof *growth };
    grown_remove("grown");
    cadre_status status =
        cadre_grow(context, scratch_file("old"), scratch_file("grown"), o, NULL, growth);
    cadre_options_free(o);
    return status;
}

static void keeps(const char *type, const char *members, int64_t experts)
{
    cadre_growth g;
    make_old(type, members);
    succeeds(grow("--add 3", &g));
    if (!g.same_bits) fail_msg("%s %s: %g apart", type, members, g.difference);
    assert_true(g.largest_logit > 0.1 && g.difference == 0 && g.agreement == 1);
    assert_int_equal(g.experts, experts + 3);
    assert_int_equal(g.experts_per_token, 2);
    if (long_form()) succeeds(grow("--add 1 --hold 0", &g));
    grown_remove("old");
    grown_remove("grown");
}

static void test_with_every_router(void **state)
{
    (void)state;
    static const char *const routers[] = { "softmax", "softmax-renorm", "topk-softmax",
        "noisy-topk", "sigmoid-bias", "sigmoid-bias-raw", "sqrtsoftplus-bias", "softmax-bias",
        "sinkhorn", "sparsemixer", "sigmoid-input", "quantile", "threshold" };
    for (size_t i = 0; i < sizeof routers / sizeof *routers; i++) {
        char member[64];
        snprintf(member, sizeof member, "\"router\": \"%s\"", routers[i]);
        keeps("cadre", member, 8);
    }
}

#define CAPACITY(factor, overflow)                                                                 \
    "\"capacity\": {\"factor\": " factor ", \"overflow\": \"" overflow                             \
    "\", \"priority\": \"choice\"}"

/* Experts that can be full have the room that they had. */
static void test_with_capacity(void **state)
{
    (void)state;
    keeps("cadre", CAPACITY("0.5", "drop"), 8);
    keeps("cadre", CAPACITY("1.1", "pad"), 8);
    keeps("cadre", "\"capacity\": {\"slots\": 3, \"overflow\": \"drop\", \"priority\": \"token\"}",
        8);
}

/* Of one pick, and of all experts: a newcomer's weight is e^-30 there. */
static void test_with_other_numbers_of_picks(void **state)
{
    (void)state;
    cadre_growth g;
    make_old("cadre", "\"router\": \"base\", \"sparse_layers\": [null, null, {\"experts\": 8, "
                      "\"topk\": 1, \"expert_width\": 12}]");
    succeeds(grow("--add 3", &g));
    assert_true(g.same_bits && g.largest_logit > 0.1);
    make_old("cadre", "\"router\": \"dense\"");
    succeeds(grow("--add 3", &g));
    assert_true(g.difference < 1e-5 && g.largest_logit > 0.1);
    grown_remove("old");
    grown_remove("grown");
}

/* Experts that take tokens take as many as before, by each score; newcomers weigh e^-30. */
static void test_where_experts_choose(void **state)
{
    (void)state;
    static const char *const members[] = { "\"router\": \"expert-choice\", \"router_capacity\": 2",
        "\"router\": \"expert-choice\", \"router_capacity\": 1.3",
        "\"router\": \"expert-choice\", \"router_score\": \"sigmoid\", \"router_capacity\": 0.1" };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        cadre_growth g;
        make_old("cadre", members[i]);
        succeeds(grow("--add 3", &g));
        if (!(g.difference < 1e-6)) fail_msg("%s: %g apart", members[i], g.difference);
        assert_true(g.largest_logit > 0.1);
        succeeds(grow("--add 3 --hold 0", &g));
        assert_true(g.difference > 1e-6);
    }
    grown_remove("old");
    grown_remove("grown");
}

#define BANKS(router, text, image)                                                                 \
    "\"router\": \"" router "\", \"token_types\": [{\"name\": \"text\", \"experts\": 5" text       \
    "}, {\"name\": \"image\", \"first\": 10, \"count\": 30, \"experts\": 3" image "}]"

/* Every bank gets as many, behind its own; banks may have a width each. */
static void test_every_bank_grows(void **state)
{
    (void)state;
    static const char *const members[] = { BANKS("softmax", "", ""),
        BANKS("softmax-renorm", "", ""), BANKS("softmax-bias", "", ""),
        BANKS("sigmoid-bias", ", \"expert_width\": 9", ", \"expert_width\": 6") };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        cadre_growth g;
        make_old("cadre", members[i]);
        succeeds(grow("--add 2", &g));
        if (!g.same_bits) fail_msg("%s: %g apart", members[i], g.difference);
        assert_int_equal(g.experts, 12);
        safetensors *old = grown_open("old"), *new = grown_open("grown");
        static const int parent[12] = { 0, 1, 2, 3, 4, 0, 1, 5, 6, 7, 5, 6 };
        const float *was = grown_floats(old, "model.layers.1.mlp.gate.weight");
        const float *is = grown_floats(new, "model.layers.1.mlp.gate.weight");
        for (int e = 0; e < 12; e++) {
            bool image = e > 6;
            int width = i < 3 ? 12 : image ? 6 : 9;
            assert_memory_equal(is + e * 32, was + parent[e] * 32, 32 * sizeof *is);
            assert_memory_equal(
                grown_floats(new, "model.layers.1.mlp.experts.%d.down_proj.weight", e),
                grown_floats(old, "model.layers.1.mlp.experts.%d.down_proj.weight", parent[e]),
                sizeof(float) * 32 * (size_t)width);
        }
        safetensors_close(old);
        safetensors_close(new);
        succeeds(grow("--add 2 --hold 0", &g));
        assert_true(i == 3 || g.difference > 1e-6);
    }
    make_old("cadre", BANKS("softmax", "", ""));
    cadre_growth g;
    refuses(grow("--add 4089", &g), CADRE_EARGUMENT, "--add: expected at most 2044");
    grown_remove("old");
    grown_remove("grown");
}

static void test_published_families(void **state)
{
    (void)state;
    static const char *const types[] = { "mixtral", "olmoe", "qwen3_moe", "gpt_oss" };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) keeps(types[i], "", 8);
    keeps("deepseek_v3", "\"n_group\": 1, \"topk_group\": 1", 8);
}

/* Trap: newcomers that nothing could ever pick. */
static void test_a_newcomer_that_is_not_held_is_picked(void **state)
{
    (void)state;
    cadre_growth g;
    make_old("mixtral", "");
    succeeds(grow("--add 8 --hold 0", &g));
    assert_true(!g.same_bits && g.difference > 1e-3);
    succeeds(grow("--add 8 --hold 12", &g));
    assert_true(g.difference < 1e-4);
    grown_remove("old");
    grown_remove("grown");
}

static void test_old_experts_and_rows_stay(void **state)
{
    (void)state;
    cadre_growth g;
    make_old("mixtral", "");
    succeeds(grow("--add 2", &g));
    safetensors *old = grown_open("old"), *new = grown_open("grown");
    const float *was = grown_floats(old, "model.layers.1.block_sparse_moe.gate.weight");
    const float *is = grown_floats(new, "model.layers.1.mlp.gate.weight");
    assert_memory_equal(is, was, 8 * 32 * sizeof *is);
    assert_memory_equal(is + 8 * 32, was, 2 * 32 * sizeof *is);
    for (int e = 0; e < 10; e++)
        assert_memory_equal(grown_floats(new, "model.layers.1.mlp.experts.%d.down_proj.weight", e),
            grown_floats(old, "model.layers.1.block_sparse_moe.experts.%d.w2.weight", e % 8),
            sizeof(float) * 32 * 16);
    const float *bias = grown_floats(new, "model.layers.1.mlp.gate.bias");
    for (int e = 0; e < 10; e++) assert_true(bias[e] == (e < 8 ? 0.0f : -30.0f));
    safetensors_close(old);
    safetensors_close(new);
    grown_remove("old");
    grown_remove("grown");
}

static void test_refusals(void **state)
{
    (void)state;
    cadre_growth g;
    make_old("llama", "");
    refuses(grow("", &g), CADRE_EARGUMENT, "expected a sparse model, found a dense one");
    make_old("deepseek_v3", "\"n_group\": 4, \"topk_group\": 2");
    refuses(grow("", &g), CADRE_EUNSUPPORTED, "limited to 2 of 4 groups");
    make_old("cadre", CAPACITY("1.5", "reroute"));
    refuses(grow("", &g), CADRE_EUNSUPPORTED, "found some that send it on, to newcomers too");
    make_old("cadre", "\"router\": \"soft\"");
    refuses(grow("", &g), CADRE_EUNSUPPORTED, "found soft: its experts take mixtures");
    make_old("mixtral", "");
    refuses(grow("--add 4089", &g), CADRE_EARGUMENT, "--add: expected at most 4088");
    assert_false(file_exists(scratch_file("grown")));
    grown_remove("old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_every_router),
        cmocka_unit_test(test_with_capacity),
        cmocka_unit_test(test_with_other_numbers_of_picks),
        cmocka_unit_test(test_where_experts_choose),
        cmocka_unit_test(test_every_bank_grows),
        cmocka_unit_test(test_published_families),
        cmocka_unit_test(test_a_newcomer_that_is_not_held_is_picked),
        cmocka_unit_test(test_old_experts_and_rows_stay),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
