/* bailing_hybrid_test.c - Ling 3: which layers attend, what their parameters are, what is written
 * of them, and what of config.json is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_json.h"
#include "arch/param.h"
#include "support/family.h"
#include "support/succeeds.h"

/* Layers 2 and 5 attend. */
static const char usual[] =
    "{\"model_type\": \"bailing_hybrid\", \"vocab_size\": 64, \"hidden_size\": 32, "
    "\"num_hidden_layers\": 6, \"num_attention_heads\": 4, \"intermediate_size\": 24, "
    "\"moe_intermediate_size\": 12, \"num_experts\": 8, \"num_experts_per_tok\": 2, "
    "\"num_shared_experts\": 1, \"n_group\": 4, \"topk_group\": 2, "
    "\"first_k_dense_replace\": 1, \"layer_group_size\": 3, \"kv_lora_rank\": 12, "
    "\"q_lora_rank\": null, \"qk_nope_head_dim\": 6, \"qk_rope_head_dim\": 4, "
    "\"v_head_dim\": 5, \"head_dim\": 7, \"kda_lower_bound\": -4";

static cadre_status parse(const char *more, model_config *c)
{
    char text[4096];
    int size = snprintf(text, sizeof text, "%s%s%s}", usual, *more ? ", " : "", more);
    assert_true(size > 0 && (size_t)size < sizeof text);
    return model_config_parse("config.json", text, (size_t)size, c);
}

static model_config taken(const char *more)
{
    model_config c, again;
    if (parse(more, &c) != CADRE_OK) fail_msg("%s: %s", more, cadre_last_error());
    const char *text = family_written(&c);
    succeeds(model_config_parse("again.json", text, strlen(text), &again));
    const char *difference = model_config_difference(&c, &again);
    if (difference) fail_msg("%s: written, it has another %s", more, difference);
    model_config_free(&again);
    return c;
}

static void the_last_layer_of_each_group_attends(void **state)
{
    (void)state;
    model_config c = taken("");
    for (int64_t l = 0; l < c.layers; l++) {
        const mixer_config *m = &c.layer[l].mixer;
        bool attends = l % 3 == 2;
        assert_ptr_equal(m->row, attends ? &mixer_latent : &mixer_kda);
        assert_int_equal(c.layer[l].sparse, l > 0);
        if (attends) {
            assert_true(m->gating == GATE_HEADS && !m->unplaced && m->value_dim == 5);
        } else {
            assert_true(m->decay_bound == -4 && m->low_rank == 0 && m->conv == 4);
            assert_true(m->head_dim == 7 && m->value_dim == 7 && m->heads == 4);
        }
    }
    assert_true(c.rope.pairs && c.groups == 4 && c.groups_used == 2);
    assert_int_equal(c.layer[1].moe.shared, 12);
    assert_null((c.arch->hf.refuses)(&c));
    assert_non_null(strstr(family_written(&c), "\"layer_group_size\": 3"));
    model_config_free(&c);
}

/* A list of layers may have them in another order, which no size of a group says. */
static void a_list_of_layers_overrules_the_size_of_a_group(void **state)
{
    static const bool delta[] = { true, false, false, true, true, true };
    (void)state;
    model_config c = taken("\"layer_types\": [\"linear_attention\", \"full_attention\", "
                           "\"full_attention\", \"linear_attention\", \"linear_attention\", "
                           "\"linear_attention\"]");
    for (int64_t l = 0; l < c.layers; l++)
        assert_ptr_equal(c.layer[l].mixer.row, delta[l] ? &mixer_kda : &mixer_latent);
    assert_null(strstr(family_written(&c), "layer_group_size"));
    assert_null((c.arch->hf.refuses)(&c));
    model_config_free(&c);
}

/* As transformers saves it. A shared expert is as wide as another one, whatever a key says. */
static void other_names_say_the_same(void **state)
{
    static const char types[] =
        "\"layer_types\": [\"linear_attention\", \"linear_attention\", \"full_attention\", "
        "\"linear_attention\", \"linear_attention\", \"full_attention\"]";
    char more[1024];
    (void)state;
    snprintf(more, sizeof more,
        "\"architectures\": [\"BailingHybridForCausalLM\"], \"linear_head_dim\": 9, %s, "
        "\"num_experts_per_token\": 2, \"num_expert_group\": 4, \"model_max_length\": 512, "
        "\"moe_renormalize\": false, \"moe_shared_expert_intermediate_size\": 30",
        types);
    model_config c = taken(more);
    assert_true(c.layer[0].mixer.row == &mixer_kda && c.layer[0].mixer.head_dim == 9);
    assert_true(c.layer[2].mixer.row == &mixer_latent && c.context == 512);
    assert_string_equal(c.router->name, "sigmoid-bias-raw");
    assert_int_equal(c.layer[1].moe.shared, 12);
    model_config_free(&c);
}

static void gates_have_a_row_for_each_head(void **state)
{
    (void)state;
    model_config c = taken("");
    param_table table;
    int gates = 0, decays = 0;
    succeeds(param_table_make(&c, &table));
    for (int64_t i = 0; i < table.count; i++) {
        const param *p = &table.rows[i];
        if (p->role == ROLE_ATTN_GATE) {
            assert_true(p->layer % 3 == 2 && p->rows == 4 && p->cols == 32);
            gates++;
        }
        if (p->role == ROLE_DELTA_DECAY) {
            assert_true(p->layer % 3 != 2 && p->rows == 28 && p->cols == 32);
            decays++;
        }
    }
    assert_true(gates == 2 && decays == 4);
    param_table_free(&table);
    model_config_free(&c);
}

static void what_is_not_implemented_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "\"architectures\": [\"BailingMoeV2_5ForCausalLM\"]", "architectures[0]" },
        { "\"architectures\": [3]", "architectures[0]" },
        { "\"architectures\": \"BailingMoeV3ForCausalLM\"", "architectures" },
        { "\"no_kda_lora\": false", "no_kda_lora: expected true" },
        { "\"kda_safe_gate\": false", "kda_safe_gate: expected true" },
        { "\"gated_attention_proj_granularity_type\": \"element_wise\"", "head_wise" },
        { "\"score_function\": \"softmax\"", "score_function: expected sigmoid" },
        { "\"topk_method\": \"greedy\"", "topk_method: expected noaux_tc" },
        { "\"moe_router_enable_expert_bias\": false", "moe_router_enable_expert_bias" },
        { "\"expert_swiglu_limit_list\": [null, 7]", "expert_swiglu_limit_list[1]" },
        { "\"share_expert_swiglu_limit_list\": [5]", "share_expert_swiglu_limit_list[0]" },
        { "\"expert_swiglu_limit_list\": 5", "expert_swiglu_limit_list" },
        { "\"short_conv_kernel_size\": 12", "found 12" },
        { "\"short_conv_kernel_size\": -1", "short_conv_kernel_size" },
        { "\"hidden_act\": \"gelu\"", "hidden_act: expected silu" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        if (parse(cases[i][0], &c) == CADRE_OK) fail_msg("%s was read", cases[i][0]);
        if (!strstr(cadre_last_error(), cases[i][1]))
            fail_msg("\"%s\" does not say %s", cadre_last_error(), cases[i][1]);
    }
}

static void dense_layers_by_a_list(void **state)
{
    (void)state;
    model_config c = taken("\"mlp_layer_types\": [\"dense\", \"sparse\", \"dense\", \"sparse\", "
                           "\"sparse\", \"sparse\"]");
    for (int64_t l = 0; l < c.layers; l++) assert_int_equal(c.layer[l].sparse, l != 0 && l != 2);
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_layer_of_each_group_attends),
        cmocka_unit_test(a_list_of_layers_overrules_the_size_of_a_group),
        cmocka_unit_test(other_names_say_the_same),
        cmocka_unit_test(gates_have_a_row_for_each_head),
        cmocka_unit_test(what_is_not_implemented_is_refused_by_name),
        cmocka_unit_test(dense_layers_by_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
