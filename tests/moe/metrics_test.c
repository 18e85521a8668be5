/* metrics_test.c - numbers small enough to work out by hand. */
#include "moe/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/within.h"

static void test_evenness(void **state)
{
    (void)state;
    const int64_t count[] = { 3, 2, 1, 2 };
    const double probability[] = { 1, 1, 1, 1 };
    balance_totals t = { .experts = 4,
        .count = count,
        .tokens = 4,
        .dropped = 2,
        .probability = probability,
        .entropy = 2,
        .lse = 6,
        .logit_max = 7 };
    cadre_moe_metrics m = metrics_of(&t);
    assert_within(m.max_vio, 0.5, 1e-12);
    assert_within(m.cv, sqrt(0.5) / 2, 1e-12);
    assert_within(m.min_share, 0.5, 1e-12);
    assert_int_equal(m.dead, 0);
    assert_within(m.load_entropy, -(3 * log(3. / 8) + 4 * log(2. / 8) + log(1. / 8)) / 8, 1e-12);
    assert_within(m.effective_experts, exp(m.load_entropy), 1e-12);
    assert_within(m.mean_entropy, log(4), 1e-12);
    assert_within(m.token_entropy, 0.5, 1e-12);
    assert_within(m.drop_rate, 0.25, 1e-12);
    assert_within(m.picks_per_token, 2, 1e-12);
    assert_within(m.lse_mean, 1.5, 1e-12);
    assert_within(m.logit_max, 7, 0);
}

static void test_one_expert_for_all_and_none_for_anyone(void **state)
{
    (void)state;
    const int64_t one[] = { 0, 8, 0, 0 }, none[] = { 0, 0, 0, 0 };
    const double probability[] = { 0, 0, 0, 0 };
    assert_within(metrics_max_vio(one, 4), 3, 1e-12);
    assert_int_equal(metrics_dead(one, 4), 3);
    balance_totals t = { .experts = 4, .count = one, .tokens = 8, .probability = probability };
    assert_within(metrics_of(&t).effective_experts, 1, 1e-12);
    t.count = none, t.tokens = 0;
    cadre_moe_metrics m = metrics_of(&t);
    assert_true(m.max_vio == 0 && m.cv == 0 && m.drop_rate == 0 && m.token_entropy == 0);
    assert_int_equal(m.dead, 4);
}

static void test_bias_range(void **state)
{
    (void)state;
    const real bias[] = { REAL_C(0.25), REAL_C(-0.5), 0 };
    assert_within(metrics_bias_range(bias, 3), 0.75, 1e-12);
    assert_within(metrics_bias_range(bias, 1), 0, 0);
}

static void test_mutual_information(void **state)
{
    (void)state;
    const int64_t apart[] = { 5, 0, 0, 5 }, alike[] = { 2, 6, 1, 3 }, between[] = { 3, 1, 1, 3 };
    assert_within(metrics_mutual_information(apart, 2, 2), log(2), 1e-12);
    assert_within(metrics_mutual_information(alike, 2, 2), 0, 1e-12);
    assert_within(
        metrics_mutual_information(between, 2, 2), 0.75 * log(1.5) + 0.25 * log(0.5), 1e-12);
    domain_information told = metrics_domain_information(between, 2, 2);
    assert_within(told.bits, 0.75 * log2(1.5) + 0.25 * log2(0.5), 1e-12);
    assert_within(told.most, 1, 1e-12);
    const int64_t none[4] = { 0 };
    told = metrics_domain_information(none, 2, 2);
    assert_true(told.bits == 0 && told.most == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evenness),
        cmocka_unit_test(test_one_expert_for_all_and_none_for_anyone),
        cmocka_unit_test(test_bias_range),
        cmocka_unit_test(test_mutual_information),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
