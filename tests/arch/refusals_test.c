/* refusals_test.c - a model that is not known is refused with its name and the list of those
 * that are; a known one with an option that is not implemented, with that option's name; a file
 * with a tensor too many or too few, with the tensor's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "cadre.h"
#include "arch/config_json.h"
#include "support/oracle.h"
#include "support/scratch.h"

/* CONFIG.json of a tiny model, with members put before its own. */
static cadre_status read_into(const char *type, const char *members, model_config *config)
{
    char text[2048];
    snprintf(text, sizeof text,
        "{\"model_type\": \"%s\", %s \"vocab_size\": 64, \"hidden_size\": 32, "
        "\"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
        "\"num_local_experts\": 4, \"num_experts\": 4, \"n_routed_experts\": 4, "
        "\"num_experts_per_tok\": 2, "
        "\"intermediate_size\": 16, \"moe_intermediate_size\": 16, \"kv_lora_rank\": 8, "
        "\"qk_nope_head_dim\": 4, "
        "\"qk_rope_head_dim\": 4, \"v_head_dim\": 4, \"shared_expert_intermediate_size\": 8}",
        type, members);
    return model_config_parse("config.json", text, strlen(text), config);
}

static cadre_status read_with(const char *type, const char *members)
{
    model_config config;
    cadre_status status = read_into(type, members, &config);
    if (status == CADRE_OK) model_config_free(&config);
    return status;
}

static void refused(const char *type, const char *members, const char *name)
{
    if (read_with(type, members) == CADRE_OK) fail_msg("%s was read with %s", type, members);
    if (!strstr(cadre_last_error(), name))
        fail_msg("\"%s\" does not name %s", cadre_last_error(), name);
}

static void unknown_models(void **state)
{
    (void)state;
    refused("mamba", "", "mamba");
    refused("mamba", "", "mixtral");
    refused("mamba", "", "switch_transformers");
}

static void options_that_are_not_implemented(void **state)
{
    (void)state;
    static const struct {
        const char *type, *members, *name;
    } cases[] = {
        { "mixtral", "\"hidden_act\": \"gelu\",", "hidden_act" },
        { "mixtral", "\"rope_scaling\": {\"type\": \"cubic\", \"factor\": 2},", "rope_type" },
        { "mixtral", "\"attention_bias\": true,", "attention_bias" },
        { "mixtral", "\"quantization_config\": {\"quant_method\": \"aqlm\"},", "quant_method" },
        { "mixtral",
            "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [64, "
            "64]},",
            "weight_block_size" },
        { "deepseek_v2", "\"mlp_bias\": true,", "mlp_bias" },
        { "mixtral", "\"partial_rotary_factor\": 0.5,", "partial_rotary_factor" },
        { "mixtral", "\"rope_parameters\": {\"rope_theta\": 1e4, \"partial_rotary_factor\": 0.5},",
            "partial_rotary_factor" },
        { "qwen3_moe", "\"layer_types\": [\"full_attention\", \"sliding_attention\"],",
            "layer_types" },
        { "qwen3_moe", "\"layer_types\": [\"full_attention\", \"linear_attention\"],",
            "layer_types" },
        { "deepseek", "\"moe_layer_freq\": 2,", "moe_layer_freq" },
        { "deepseek_v2", "\"topk_method\": \"noaux_tc\",", "topk_method" },
        { "deepseek_v2", "\"norm_topk_prob\": true,", "norm_topk_prob" },
        { "deepseek_v3", "\"scoring_func\": \"softmax\",", "scoring_func" },
        { "gpt_oss", "\"swiglu_alpha\": 1.5,", "swiglu_alpha" },
        { "llama", "\"rope_scaling\": {\"factor\": 4},", "rope_scaling.rope_type" },
        { "llama", "\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 1e4}},",
            "full_attention" },
        { "mixtral", "\"rms_norm_eps\": NaN,", "found NaN" },
        { "mixtral", "\"sliding_window\": Infinity,", "sliding_window" },
        { "mixtral", "\"eos_token_id\": [1, -Infinity],", "eos_token_id[1]" },
        { "mixtral", "\"attention_bias\": NaN,", "attention_bias" },
        { "gpt_oss", "\"experts_per_token\": 3,",
            "experts_per_token: expected 2, as num_experts_per_tok says" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].type, cases[i].members, cases[i].name);
}

/* Which layers have a window, in a family's own words and in a list. */
/* As the file's own fault, with its name, before anything runs. */
static void numbers_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *type, *members, *name;
    } cases[] = {
        { "deepseek_v3", "\"routed_scaling_factor\": 0,", "route-scale" },
        { "deepseek_v2", "\"routed_scaling_factor\": -1,", "route-scale" },
        { "llama", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0},", "factor" },
        { "llama", "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2, \"beta_fast\": -1},",
            "beta_fast" },
        { "qwen3", "\"rope_theta\": 1,", "theta" },
        { "qwen3", "\"head_dim\": 3,", "head width" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refused(cases[i].type, cases[i].members, cases[i].name);
        if (read_with(cases[i].type, cases[i].members) != CADRE_EFORMAT)
            fail_msg("%s: not the file's fault", cases[i].members);
        if (!strstr(cadre_last_error(), "config.json"))
            fail_msg("\"%s\" does not name the file", cadre_last_error());
    }
}

static void windows_of_layers(void **state)
{
    (void)state;
    static const struct {
        const char *type, *members;
        int64_t window[2];
    } cases[] = {
        { "qwen2_moe", "\"use_sliding_window\": true, \"sliding_window\": 5,", { 5, 0 } },
        { "qwen2_moe", "\"use_sliding_window\": false, \"sliding_window\": 5,", { 0, 0 } },
        { "qwen2_moe",
            "\"use_sliding_window\": true, \"sliding_window\": 5, \"max_window_layers\": 0,",
            { 0, 0 } },
        { "qwen3", "\"use_sliding_window\": true, \"sliding_window\": 5, \"max_window_layers\": 1,",
            { 0, 5 } },
        { "qwen3_moe",
            "\"use_sliding_window\": true, \"sliding_window\": 5, \"max_window_layers\": 1,",
            { 5, 5 } },
        { "qwen3",
            "\"use_sliding_window\": true, \"sliding_window\": 5, "
            "\"layer_types\": [\"sliding_attention\", \"full_attention\"],",
            { 5, 0 } },
        { "mixtral", "\"sliding_window\": 7,", { 7, 7 } },
        { "gpt_oss", "\"sliding_window\": 7,", { 7, 0 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        if (read_into(cases[i].type, cases[i].members, &c) != CADRE_OK)
            fail_msg("%s", cadre_last_error());
        for (int l = 0; l < 2; l++)
            if (c.layer[l].mixer.window != cases[i].window[l])
                fail_msg("%s with %s: layer %d", cases[i].type, cases[i].members, l);
        model_config_free(&c);
    }
}

/* What a file leaves out is as its family has it. */
static void defaults_of_families(void **state)
{
    (void)state;
    model_config c;
    assert_int_equal(read_into("gpt_oss", "", &c), CADRE_OK);
    assert_true(c.rope.scaling == ROPE_YARN && c.rope.factor == 32 && c.rope.theta == 150000 &&
                !c.rope.truncate);
    model_config_free(&c);
    assert_int_equal(
        read_into("gpt_oss", "\"rope_parameters\": {\"rope_type\": \"default\"},", &c), CADRE_OK);
    assert_true(c.rope.scaling == ROPE_PLAIN && c.rope.theta == 150000);
    model_config_free(&c);
    assert_int_equal(read_into("glm4_moe", "\"head_dim\": 8,", &c), CADRE_OK);
    assert_true(c.rope.width == 4 && c.norm_eps == 1e-5 && !strcmp(c.router->name, "sigmoid-bias"));
    model_config_free(&c);
    assert_int_equal(
        read_into("glm4_moe", "\"head_dim\": 8, \"norm_topk_prob\": false,", &c), CADRE_OK);
    assert_string_equal(c.router->name, "sigmoid-bias-raw");
    model_config_free(&c);
}

static void options_that_are(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "mixtral", "\"sliding_window\": 8," },
        { "mixtral", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}," },
        { "llama", "\"attention_bias\": true," },
        { "llama", "\"mlp_bias\": true," },
        { "llama", "\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2}," },
        { "deepseek_v3", "\"attention_bias\": true," },
        { "deepseek_v3", "\"rope_interleave\": false," },
        { "llama", "\"rope_parameters\": {\"rope_type\": \"llama3\", \"factor\": 8, "
                   "\"low_freq_factor\": 1, \"high_freq_factor\": 4, "
                   "\"original_max_position_embeddings\": 64, \"rope_theta\": 500000}," },
        { "qwen2_moe", "\"norm_topk_prob\": true," },
        { "deepseek_v2",
            "\"topk_method\": \"group_limited_greedy\", \"n_group\": 2, \"topk_group\": 1," },
        { "glm4_moe", "\"use_qk_norm\": true, \"partial_rotary_factor\": 0.5, \"head_dim\": 8," },
        { "gpt_oss", "\"eos_token_id\": [1, 2, 3]," },
        { "mixtral",
            "\"time_step_limit\": [0.0, Infinity], \"x\": {\"y\": -Infinity, \"z\": NaN}," },
        { "mixtral", "\"sliding_window\": null, \"head_dim\": null, \"rope_scaling\": null," },
        { "deepseek_v3", "\"n_group\": null, \"topk_group\": 0, \"routed_scaling_factor\": null," },
        { "llama", "\"rope_scaling\": {\"factor\": 1}," },
        { "llama", "\"rope_scaling\": {\"type\": \"mrope\", \"rope_type\": \"default\"}," },
        { "llama", "\"rope_scaling\": {\"type\": \"su\", \"attention_factor\": 1, "
                   "\"short_factor\": [1, 2, 3, 4], "
                   "\"long_factor\": [1, 2, 3, 4]}," },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (read_with(cases[i][0], cases[i][1]) != CADRE_OK)
            fail_msg("%s with %s: %s", cases[i][0], cases[i][1], cadre_last_error());
}

/* Of ids that mean none, and of several end tokens, the first of which may have the id 0. */
static void special_ids(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        int64_t bos, eos;
        int others;
    } cases[] = {
        { "\"bos_token_id\": null, \"eos_token_id\": null,", -1, -1, 0 },
        { "\"bos_token_id\": -1, \"eos_token_id\": 4294967295,", -1, -1, 0 },
        { "\"bos_token_id\": 4294967295, \"eos_token_id\": [-1, null, 7],", -1, 7, 0 },
        { "\"bos_token_id\": 0, \"eos_token_id\": [7, 0, 7, 3],", 0, 7, 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        if (read_into("mixtral", cases[i].members, &c) != CADRE_OK)
            fail_msg("%s", cadre_last_error());
        assert_int_equal(c.bos, cases[i].bos);
        assert_int_equal(c.eos, cases[i].eos);
        assert_int_equal(c.other_eos_count, cases[i].others);
        assert_int_equal(model_config_ends(&c, 0), cases[i].others == 2);
        model_config_free(&c);
    }
}

/* ---- tensors ---- */

static char *text_of(const char *folder, const char *name, size_t *size)
{
    char path[4200], *text;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (file_read(path, (size_t)1 << 30, &text, size) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    return text;
}

/* Opens a model of the oracle with `from` in its config.json replaced; what it said. */
static const char *open_changed(const char *oracle, const char *from, const char *to)
{
    char folder[4096], changed[8192];
    snprintf(folder, sizeof folder, "%s", oracle_path(oracle));
    size_t config_size, size;
    char *config = text_of(folder, "config.json", &config_size),
         *weights = text_of(folder, "model.safetensors", &size);
    const char *at = strstr(config, from);
    if (!at) fail_msg("%s: config.json does not say %s", folder, from);
    snprintf(
        changed, sizeof changed, "%.*s%s%s", (int)(at - config), config, to, at + strlen(from));
    assert_int_equal(file_write(scratch_file("config.json"), changed, strlen(changed)), CADRE_OK);
    assert_int_equal(file_write(scratch_file("model.safetensors"), weights, size), CADRE_OK);
    cadre_free(config);
    cadre_free(weights);
    cadre_context *context;
    cadre_model *model = NULL;
    assert_int_equal(cadre_context_new(1, NULL, &context), CADRE_OK);
    cadre_status status = cadre_model_open(context, scratch_folder(), &model);
    cadre_model_close(model);
    cadre_context_free(context);
    return status == CADRE_OK ? "opened" : cadre_last_error();
}

typedef struct misfit {
    const char *oracle, *from, *to, *name;
} misfit;

static void tensors_that_do_not_fit(void **state)
{
    const misfit *m = *state;
    const char *said = open_changed(m->oracle, m->from, m->to);
    if (!strstr(said, m->name)) fail_msg("\"%s\" does not name %s", said, m->name);
}

int main(void)
{
    static const misfit misfits[] = {
        { "models/mixtral", "\"num_local_experts\": 8", "\"num_local_experts\": 7", "gate.weight" },
        { "models/mixtral", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4",
            "model.layers.3." },
        { "models/mixtral", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2",
            "found a layer 2" },
        { "models/mixtral", "\"num_hidden_layers\": 3",
            "\"num_hidden_layers\": 2, \"num_nextn_predict_layers\": 1", "opened" },
        { "models/qwen2_moe", "\"qkv_bias\": true", "\"qkv_bias\": false", "_proj.bias" },
        { "models/llama", "\"attention_bias\": false", "\"attention_bias\": true", "q_proj.bias" },
        { "models/granitemoe", "\"intermediate_size\": 48", "\"intermediate_size\": 40",
            "input_linear" },
    };
    enum { FIXED = 7, MISFITS = sizeof misfits / sizeof *misfits };
    struct CMUnitTest tests[FIXED + MISFITS] = {
        cmocka_unit_test(unknown_models),
        cmocka_unit_test(options_that_are_not_implemented),
        cmocka_unit_test(numbers_that_cannot_be),
        cmocka_unit_test(windows_of_layers),
        cmocka_unit_test(defaults_of_families),
        cmocka_unit_test(options_that_are),
        cmocka_unit_test(special_ids),
    };
    for (size_t i = 0; i < MISFITS; i++)
        tests[FIXED + i] = (struct CMUnitTest){ .name = misfits[i].from,
            .test_func = tensors_that_do_not_fit,
            .initial_state = (void *)(uintptr_t)&misfits[i] };
    return _cmocka_run_group_tests("refusals of models", tests, FIXED + MISFITS, NULL, NULL);
}
