/* expert_use_test.c - tokens, weights and outputs of a plan are added up by expert, and a model
 * that reads leaves all its picks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/file.h"
#include "grow/expert_use.h"
#include "support/family.h"
#include "support/grown.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

/* Two tokens and three experts: token 0 has 2 and 0, token 1 has 2; expert 0 was full. */
static void test_of_a_plan(void **state)
{
    (void)state;
    model_config config = family_config("mixtral", "\"num_local_experts\": 3");
    static const real out[] = { 3, 4, 0, -12 }; /* rows 0 and 1 are expert 2's */
    int64_t token_start[] = { 0, 2, 3 };
    gexp edge_expert[] = { { 2 }, { 0 }, { 2 } };
    real edge_weight[] = { REAL_C(0.5), REAL_C(0.25), REAL_C(-1.5) };
    int32_t edge_row[] = { 0, -1, 1 };
    const plan p = { .tokens = 2,
        .experts = 3,
        .edges = 3,
        .token_start = token_start,
        .edge_expert = edge_expert,
        .edge_weight = edge_weight,
        .edge_row = edge_row,
        .row_out = out,
        .row_width = 2 };
    expert_use u;
    succeeds(expert_use_open(&config, &u));
    expert_use_count(&u, 1, &p);
    assert_true(expert_use_value(&u, VALUE_USE, 1, 2) == 2);
    assert_true(expert_use_value(&u, VALUE_WEIGHT, 1, 2) == -1);
    /* (0.5 * 5 + 1.5 * 12) / 2 */
    assert_true(expert_use_value(&u, VALUE_SALIENCY, 1, 2) == 10.25);
    for (int e = 0; e < 2; e++)
        for (int by = VALUE_USE; by <= VALUE_SALIENCY; by++)
            assert_true(expert_use_value(&u, (expert_value)by, 1, e) == 0);
    assert_true(expert_use_value(&u, VALUE_USE, 0, 2) == 0);
    expert_use_close(&u);
    model_config_free(&config);
}

/* 40 tokens of two picks each, whose weights sum to 1; who served some has put out something. */
static void test_of_a_model(void **state)
{
    (void)state;
    cadre_context *context;
    cadre_model *model;
    char path[4200];
    int32_t tokens[40];
    for (int i = 0; i < 40; i++) tokens[i] = (i * 37 + i * i) % 64;
    const passage p = { tokens, 40 };
    const char *config = family_text("mixtral", "\"initializer_range\": 0.3", NULL);
    cadre_options *o = small_options(NULL);
    succeeds(cadre_context_new(2, NULL, &context));
    snprintf(path, sizeof path, "%s", scratch_file("config.json"));
    succeeds(file_write(path, config, strlen(config)));
    succeeds(cadre_init(context, o, path, NULL, scratch_file("used"), NULL));
    succeeds(cadre_model_open(context, scratch_file("used"), &model));
    expert_use u;
    succeeds(expert_use_open(&model->config, &u));
    succeeds(expert_use_measure(model, &p, &u));
    for (int64_t l = 0; l < 3; l++) {
        double served = 0, shares = 0;
        for (int64_t e = 0; e < 8; e++) {
            served += expert_use_value(&u, VALUE_USE, l, e);
            shares += expert_use_value(&u, VALUE_WEIGHT, l, e);
            double salient = expert_use_value(&u, VALUE_SALIENCY, l, e);
            assert_true((salient > 1e-3) == (expert_use_value(&u, VALUE_USE, l, e) > 0));
            assert_true(salient < 1e3);
        }
        assert_true(served == 80);
        assert_true(fabs(shares - 40) < 1e-4);
    }
    expert_use_close(&u);
    cadre_model_close(model);
    cadre_context_free(context);
    cadre_options_free(o);
    remove(path);
    grown_remove("used");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_plan),
        cmocka_unit_test(test_of_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
