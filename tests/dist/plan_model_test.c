/* plan_model_test.c - what of a model has to be gathered where ranks divide its matrices. */
#include "dist/plan_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/family.h"
#include "support/succeeds.h"

/* A dense layer and two sparse ones with a shared expert */
static void test_hidden_rows(void **state)
{
    plan_model m;
    (void)state;
    model_config c = family_config("qwen2_moe",
        "\"hidden_size\": 64, \"num_hidden_layers\": 3, \"num_attention_heads\": 4, "
        "\"num_key_value_heads\": 4, \"num_experts\": 8, \"num_experts_per_tok\": 2, "
        "\"moe_intermediate_size\": 24, \"shared_expert_intermediate_size\": 40, "
        "\"intermediate_size\": 96, \"mlp_only_layers\": [1], \"vocab_size\": 100");
    succeeds(plan_model_of_config(&c, 16, &m));
    assert_int_equal(m.layers, 3);
    assert_int_equal(m.sparse_layers, 2);
    assert_true(m.hidden_gathers == 5);
    assert_true(m.hidden_elements == 2 * (2 * 24 + 40) + 96);
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_hidden_rows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
