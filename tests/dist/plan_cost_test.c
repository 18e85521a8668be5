/* plan_cost_test.c - the cost model: the cost on one machine, what dividing a model saves, what a
 * slow link costs, and which layouts are impossible. */
#include "dist/plan_cost.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Approximately Qwen3-30B-A3B with 4.5 bits per weight. */
static const plan_model model = { .layers = 48,
    .sparse_layers = 48,
    .experts = 128,
    .picks = 8,
    .kv_heads = 4,
    .width = 2048,
    .heads_width = 4096,
    .hidden = 768,
    .hidden_gathers = 48,
    .hidden_elements = 48 * 8 * 768,
    .vocab = 151936,
    .dense_parameters = 1.5e9,
    .expert_parameters = 29e9,
    .active_parameters = 3.3e9,
    .dense_bytes = 0.84e9,
    .expert_bytes = 16.3e9,
    .dense_read = 0.7e9,
    .token_cache = 196608 };
static const plan_work one_text = { .purpose = PLAN_DECODE, .streams = 1, .context = 128 };

static plan_machine machine_with(double bandwidth, double latency)
{
    return (plan_machine){ 64e9, 60e9, 1e12, { latency, 1e-6, bandwidth } };
}

static double rate(const plan_machine *m, rank_layout l)
{
    plan_cost c = plan_cost_of(&model, m, &one_text, &l);
    return c.tokens / (c.compute + c.communication);
}

static const rank_layout alone = { 1, 1, 1, 1, 1 }, tensors = { 1, 1, 1, 4, 1 },
                         experts = { 4, 1, 1, 1, 1 }, stages = { 1, 1, 4, 1, 1 };

/* The time of a token is its bytes / bandwidth, which gives 35 tokens per second on one machine. */
static void test_decoding_on_one_machine(void **state)
{
    (void)state;
    plan_machine m = machine_with(1.25e9, 20e-6);
    double read = 0.7e9 + 16.3e9 * 8 / 128 + 196608.0 * 64;
    assert_true(fabs(rate(&m, alone) / (60e9 / read) - 1) < 0.01);
}

static void test_link_costs(void **state)
{
    (void)state;
    plan_machine fast = machine_with(12.5e9, 5e-6), slow = machine_with(125e6, 50e-6);
    assert_true(rate(&fast, tensors) > 2 * rate(&fast, alone));
    assert_true(rate(&fast, tensors) > rate(&fast, experts));
    assert_true(rate(&slow, tensors) < rate(&slow, alone)); /* one machine is faster */
    assert_true(rate(&slow, stages) > rate(&slow, tensors));
}

/* Seconds of a token's exchanges that are those of its logits */
static double logits_take(const plan_machine *m, rank_layout l)
{
    plan_model none = model;
    none.vocab = 0;
    return plan_cost_of(&model, m, &one_text, &l).communication -
           plan_cost_of(&none, m, &one_text, &l).communication;
}

/* Ranks that divide the last matrix gather logits, and the last stage sends them to the first. */
static void test_logits_travel(void **state)
{
    (void)state;
    plan_machine m = machine_with(125e6, 50e-6);
    double all = 4 * model.vocab / 125e6;
    assert_true(fabs(logits_take(&m, tensors) / (0.75 * all) - 1) < 1e-6);
    assert_true(fabs(logits_take(&m, stages) / all - 1) < 1e-6);
    assert_true(logits_take(&m, experts) == 0 && logits_take(&m, alone) == 0);
}

static void test_memory_is_divided(void **state)
{
    (void)state;
    plan_machine m = machine_with(1.25e9, 20e-6);
    double whole = plan_cost_of(&model, &m, &one_text, &alone).memory;
    assert_true(whole > 17e9 && whole < 18e9);
    assert_true(plan_cost_of(&model, &m, &one_text, &tensors).memory < 0.27 * whole);
    assert_true(plan_cost_of(&model, &m, &one_text, &experts).memory < 0.31 * whole);
}

/* On one rank a parameter takes 16 bytes: its value, its gradient and two moments. */
static void test_training(void **state)
{
    (void)state;
    plan_machine m = machine_with(1.25e9, 20e-6);
    plan_work w = { .purpose = PLAN_TRAIN, .batch = 8, .context = 256, .activations = 1e9 };
    plan_cost one = plan_cost_of(&model, &m, &w, &alone);
    assert_true(fabs(one.memory / (16 * 30.5e9 + 1e9) - 1) < 0.01);
    assert_true(one.communication == 0);
    assert_true(fabs(one.compute / (6 * 3.3e9 * 8 * 256 / 1e12) - 1) < 1e-9);
    plan_cost four = plan_cost_of(&model, &m, &w, &experts);
    assert_true(fabs(four.compute * 4 / one.compute - 1) < 1e-9);
    assert_true(four.communication > 0 && four.memory < 0.3 * one.memory);
}

static void test_impossible_layouts(void **state)
{
    (void)state;
    plan_work train = { .purpose = PLAN_TRAIN, .batch = 4, .context = 256 };
    assert_null(plan_refusal(&model, &one_text, &tensors));
    assert_non_null(plan_refusal(&model, &one_text, &(rank_layout){ 1, 1, 1, 8, 1 }));
    assert_non_null(plan_refusal(&model, &one_text, &(rank_layout){ 1, 1, 64, 1, 1 }));
    assert_non_null(plan_refusal(&model, &one_text, &(rank_layout){ 1, 2, 1, 1, 1 }));
    assert_non_null(plan_refusal(&model, &train, &(rank_layout){ 1, 8, 1, 1, 1 }));
    assert_null(plan_refusal(&model, &train, &(rank_layout){ 2, 2, 1, 1, 1 }));
}

/* Each of 4 ranks has room for 33 of 128 experts instead of 32, or for 40. */
static void test_replicas_take_memory(void **state)
{
    (void)state;
    plan_machine m = machine_with(1.25e9, 20e-6);
    double one = model.expert_bytes / model.experts; /* of all layers */
    double none = plan_cost_of(&model, &m, &one_text, &experts).memory;
    plan_work w = one_text;
    w.replicas = PLAN_COPY_EACH_RANK;
    assert_true(fabs(plan_cost_of(&model, &m, &w, &experts).memory - none - one) < 1e3);
    w.replicas = 30;
    assert_true(fabs(plan_cost_of(&model, &m, &w, &experts).memory - none - 8 * one) < 1e3);
    double alone_has = plan_cost_of(&model, &m, &one_text, &alone).memory;
    assert_true(plan_cost_of(&model, &m, &w, &alone).memory == alone_has);
}

/* With 8 micro-batches, 4 stages wait for 3 / 8 of the time; with two blocks each, for 3 / 16. */
static void test_interleaved_stages(void **state)
{
    (void)state;
    plan_machine m = machine_with(1.25e9, 20e-6);
    plan_work w = { .purpose = PLAN_TRAIN, .batch = 8, .context = 256, .accumulate = 8 };
    rank_layout twice = { 1, 1, 4, 1, 2 };
    double divided = plan_cost_of(&model, &m, &w, &alone).compute / 4;
    plan_cost simple = plan_cost_of(&model, &m, &w, &stages),
              interleaved = plan_cost_of(&model, &m, &w, &twice);
    assert_true(fabs(simple.compute / divided - 1.375) < 1e-9);
    assert_true(fabs(interleaved.compute / divided - 1.1875) < 1e-9);
    assert_true(interleaved.communication > simple.communication);
    assert_null(plan_refusal(&model, &w, &twice));
    twice.chunks = 13; /* 52 blocks of 48 layers */
    assert_non_null(plan_refusal(&model, &w, &twice));
    twice.chunks = 2, w.accumulate = 6;
    assert_non_null(plan_refusal(&model, &w, &twice));
    assert_non_null(plan_refusal(&model, &one_text, &twice));
}

/* With random routing, the busiest of 2, 4 and 8 ranks has about 1.27, 1.77 and 2.6 times the mean
 * of one token's 8 picks. */
static void test_uneven_picks(void **state)
{
    (void)state;
    static const double expected[][2] = { { 2, 1.27 }, { 4, 1.77 }, { 8, 2.6 } };
    for (int i = 0; i < 3; i++) {
        int parts = (int)expected[i][0];
        double ratio = plan_expected_max_load(128, 8, parts) / 8 * parts;
        assert_true(fabs(ratio / expected[i][1] - 1) < 0.08);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoding_on_one_machine),
        cmocka_unit_test(test_link_costs),
        cmocka_unit_test(test_logits_travel),
        cmocka_unit_test(test_memory_is_divided),
        cmocka_unit_test(test_training),
        cmocka_unit_test(test_replicas_take_memory),
        cmocka_unit_test(test_interleaved_stages),
        cmocka_unit_test(test_impossible_layouts),
        cmocka_unit_test(test_uneven_picks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
