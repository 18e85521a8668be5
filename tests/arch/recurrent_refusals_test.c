/* recurrent_refusals_test.c - config.json of families with recurrent layers: sizes of states, kinds
 * of layers and their lists that cannot be are refused by the name of what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/config.h"
#include "support/family.h"
#include "support/refusal.h"
#include "support/succeeds.h"

enum { MEMBERS = 8 };

static const struct {
    const char *type;
    const char *members[MEMBERS][2]; /* a key and its value */
} families[] = {
    { "qwen3_next", { { "\"head_dim\"", "8" }, { "\"linear_num_value_heads\"", "4" },
                        { "\"linear_num_key_heads\"", "2" }, { "\"linear_key_head_dim\"", "4" },
                        { "\"linear_value_head_dim\"", "4" }, { "\"linear_conv_kernel_dim\"", "4" },
                        { "\"full_attention_interval\"", "3" } } },
    { "qwen3_5_moe_text",
        { { "\"head_dim\"", "8" }, { "\"linear_num_value_heads\"", "4" },
            { "\"linear_num_key_heads\"", "2" }, { "\"linear_key_head_dim\"", "4" },
            { "\"linear_value_head_dim\"", "4" }, { "\"linear_conv_kernel_dim\"", "4" },
            { "\"full_attention_interval\"", "3" } } },
    { "kimi_linear", { { "\"kv_lora_rank\"", "8" }, { "\"qk_nope_head_dim\"", "6" },
                         { "\"qk_rope_head_dim\"", "4" }, { "\"v_head_dim\"", "5" },
                         { "\"linear_attn_config\"",
                             "{\"head_dim\": 4, \"num_heads\": 4, \"short_conv_kernel_size\": 4, "
                             "\"kda_layers\": [1, 2], \"full_attn_layers\": [3]}" } } },
    { "granitemoehybrid", { { "\"mamba_n_heads\"", "4" }, { "\"mamba_d_head\"", "16" },
                              { "\"mamba_d_state\"", "8" }, { "\"mamba_n_groups\"", "1" },
                              { "\"mamba_expand\"", "2" }, { "\"shared_intermediate_size\"", "8" },
                              { "\"layer_types\"", "[\"mamba\", \"mamba\", \"attention\"]" } } },
};
enum { FAMILIES = sizeof families / sizeof *families };

/* The family's own members, where `wrong` does not begin with the same key, and `wrong`. */
static cadre_status read_with(const char *type, const char *wrong, model_config *c)
{
    char text[2048] = "";
    size_t used = 0, f = 0;
    while (strcmp(families[f].type, type) != 0) f++;
    for (int i = 0; i < MEMBERS && families[f].members[i][0]; i++) {
        const char *const *m = families[f].members[i];
        if (strncmp(wrong, m[0], strlen(m[0])) != 0)
            used += (size_t)snprintf(
                text + used, sizeof text - used, "%s%s: %s", used ? ", " : "", m[0], m[1]);
    }
    snprintf(text + used, sizeof text - used, "%s%s", *wrong ? ", " : "", wrong);
    return family_read(type, text, NULL, c);
}

/* Kimi-Linear as transformers saves it: sizes as keys of their own, layers as a list, or none. */
static void sizes_may_stand_outside_of_their_object(void **state)
{
    (void)state;
    static const char *const lists[] = { "", ", \"layer_types\": [\"full_attention\", "
                                             "\"linear_attention\", \"full_attention\"]" };
    for (int i = 0; i < 2; i++) {
        char text[1024];
        model_config c;
        snprintf(text, sizeof text,
            "\"kv_lora_rank\": 8, \"qk_nope_head_dim\": 6, \"qk_rope_head_dim\": 4, "
            "\"v_head_dim\": 5, \"linear_head_dim\": 12, \"linear_num_heads\": 5, "
            "\"linear_conv_kernel_dim\": 3, \"norm_topk_prob\": false%s",
            lists[i]);
        succeeds(family_read("kimi_linear", text, NULL, &c));
        for (int64_t l = 0; l < c.layers; l++) {
            const mixer_config *m = &c.layer[l].mixer;
            assert_int_equal(m->row == &mixer_kda, i == 0 || l == 1);
            if (m->row == &mixer_kda)
                assert_true(m->head_dim == 12 && m->heads == 5 && m->conv == 3);
        }
        assert_string_equal(c.router->name, "sigmoid-bias-raw");
        assert_non_null(strstr(family_written(&c), "\"moe_renormalize\": false"));
        model_config_free(&c);
    }
}

static void what_is_changed_is_read_as_it_was(void **state)
{
    (void)state;
    for (int f = 0; f < FAMILIES; f++) {
        model_config c;
        if (read_with(families[f].type, "", &c) != CADRE_OK)
            fail_msg("%s: %s", families[f].type, cadre_last_error());
        assert_true(model_config_recurrent_layers(&c) == 2 && c.layers == 3);
        model_config_free(&c);
    }
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *type, *wrong, *words;
    } cases[] = {
        { "qwen3_next", "\"linear_num_value_heads\": 0",
            "linear_num_value_heads: expected at least 1, found 0" },
        { "qwen3_next", "\"linear_num_value_heads\": 5",
            "linear_num_key_heads: expected a divisor of the 5 heads of values" },
        { "qwen3_next", "\"linear_key_head_dim\": 5000",
            "linear_key_head_dim: expected 1 to 1024, found 5000" },
        { "qwen3_next", "\"linear_value_head_dim\": -1",
            "linear_value_head_dim: expected an integer" },
        { "qwen3_next", "\"linear_conv_kernel_dim\": 1",
            "linear_conv_kernel_dim: expected 2 to 8, found 1" },
        { "qwen3_next", "\"linear_conv_kernel_dim\": \"4\"",
            "linear_conv_kernel_dim: expected an integer" },
        { "qwen3_next", "\"layer_types\": [\"linear_attention\", \"lstm\", \"full_attention\"]",
            "layer_types[1]" },
        { "qwen3_next", "\"layer_types\": [\"full_attention\"]",
            "layer_types: expected one item for each of the 3 layers" },
        { "qwen3_next", "\"full_attention_interval\": 0",
            "full_attention_interval: expected at least 1, found 0" },
        { "qwen3_next", "\"mlp_only_layers\": [99]", "mlp_only_layers[0]" },
        { "qwen3_5_moe_text", "\"linear_num_value_heads\": 0",
            "linear_num_value_heads: expected at least 1, found 0" },
        { "qwen3_5_moe_text", "\"linear_num_value_heads\": 5",
            "linear_num_key_heads: expected a divisor of the 5 heads of values" },
        { "qwen3_5_moe_text", "\"linear_key_head_dim\": 5000",
            "linear_key_head_dim: expected 1 to 1024, found 5000" },
        { "qwen3_5_moe_text", "\"linear_value_head_dim\": -1",
            "linear_value_head_dim: expected an integer" },
        { "qwen3_5_moe_text", "\"linear_conv_kernel_dim\": 1",
            "linear_conv_kernel_dim: expected 2 to 8, found 1" },
        { "qwen3_5_moe_text", "\"linear_conv_kernel_dim\": \"4\"",
            "linear_conv_kernel_dim: expected an integer" },
        { "qwen3_5_moe_text",
            "\"layer_types\": [\"linear_attention\", \"lstm\", \"full_attention\"]",
            "layer_types[1]" },
        { "qwen3_5_moe_text", "\"layer_types\": [\"full_attention\"]",
            "layer_types: expected one item for each of the 3 layers" },
        { "qwen3_5_moe_text", "\"full_attention_interval\": 0",
            "full_attention_interval: expected at least 1, found 0" },
        { "kimi_linear", "\"linear_attn_config\": 7",
            "linear_attn_config: expected an object, found 7" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 0, \"num_heads\": 4, "
            "\"short_conv_kernel_size\": 4, \"kda_layers\": [1, 2], \"full_attn_layers\": [3]}",
            "linear_attn_config.head_dim: expected an integer in 1..1024, found 0" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 5000, \"num_heads\": 4, "
            "\"short_conv_kernel_size\": 4, \"kda_layers\": [1, 2], \"full_attn_layers\": [3]}",
            "linear_attn_config.head_dim: expected an integer in 1..1024, found 5000" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 4, \"short_conv_kernel_size\": 4, "
            "\"kda_layers\": [1, 2], \"full_attn_layers\": [3]}",
            "linear_attn_config.num_heads" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 4, \"num_heads\": 2000, "
            "\"short_conv_kernel_size\": 4, \"kda_layers\": [1, 2], \"full_attn_layers\": [3]}",
            "linear_attn_config.num_heads: expected an integer in 1..1024, found 2000" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 4, \"num_heads\": 4, "
            "\"short_conv_kernel_size\": 9, \"kda_layers\": [1, 2], \"full_attn_layers\": [3]}",
            "linear_attn_config.short_conv_kernel_size: expected an integer in 2..8, found 9" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 4, \"num_heads\": 4, "
            "\"short_conv_kernel_size\": 1, \"kda_layers\": [1, 2], \"full_attn_layers\": [3]}",
            "linear_attn_config.short_conv_kernel_size" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 4, \"num_heads\": 4, "
            "\"short_conv_kernel_size\": 4, \"kda_layers\": [1, 99], \"full_attn_layers\": [3]}",
            "linear_attn_config.kda_layers[1]: expected an integer in 1..3, found 99" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 4, \"num_heads\": 4, "
            "\"short_conv_kernel_size\": 4, \"kda_layers\": [0], \"full_attn_layers\": [3]}",
            "linear_attn_config.kda_layers[0]: expected an integer in 1..3, found 0" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 4, \"num_heads\": 4, "
            "\"short_conv_kernel_size\": 4, \"kda_layers\": \"x\", \"full_attn_layers\": [3]}",
            "linear_attn_config.kda_layers: expected an array" },
        { "kimi_linear",
            "\"linear_attn_config\": {\"head_dim\": 4, \"num_heads\": 4, "
            "\"short_conv_kernel_size\": 4, \"kda_layers\": [1, 2], \"full_attn_layers\": [3, 2]}",
            "linear_attn_config.full_attn_layers[1]: expected a layer that kda_layers does not" },
        { "granitemoehybrid", "\"mamba_n_heads\": 0", "mamba_n_heads: expected heads" },
        { "granitemoehybrid", "\"mamba_d_head\": 7", "mamba_n_heads: expected heads of 7" },
        { "granitemoehybrid", "\"mamba_d_state\": 0", "state: expected 1 to 4096, found 0" },
        { "granitemoehybrid", "\"mamba_d_state\": 99999", "state: expected 1 to 4096" },
        { "granitemoehybrid", "\"mamba_d_conv\": 1", "convolution: expected 2 to 8, found 1" },
        { "granitemoehybrid", "\"mamba_n_groups\": 3",
            "groups of a state space: expected a divisor" },
        { "granitemoehybrid", "\"mamba_expand\": 0", "mamba_expand: expected an integer in 1..64" },
        { "granitemoehybrid", "\"mamba_proj_bias\": true", "mamba_proj_bias: expected false" },
        { "granitemoehybrid", "\"layer_types\": [\"mamba\", \"conv\", \"attention\"]",
            "layer_types[1]" },
        { "granitemoehybrid", "\"layer_types\": [\"mamba\"]", "layer_types: expected one item" },
        { "granitemoehybrid", "\"position_embedding_type\": \"alibi\"",
            "position_embedding_type: expected nope or rope" },
        { "granitemoehybrid", "\"time_step_limit\": [1, 2]",
            "time_step_limit: expected [0, Infinity]" },
        { "granitemoehybrid", "\"normalization_function\": \"layernorm\"",
            "normalization_function: expected rmsnorm" },
        { "granitemoehybrid", "\"shared_intermediate_size\": -1", "shared_intermediate_size" },
    };
    int bad = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        cadre_status status = read_with(cases[i].type, cases[i].wrong, &c);
        bad += !refusal_is_good(cases[i].type, status, "config.json", cases[i].words);
        if (status == CADRE_OK) model_config_free(&c);
    }
    printf("    %zu kinds\n", sizeof cases / sizeof *cases);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_may_stand_outside_of_their_object),
        cmocka_unit_test(what_is_changed_is_read_as_it_was),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
