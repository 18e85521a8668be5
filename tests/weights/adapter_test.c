/* adapter_test.c - adapters: which matrices get pairs, what they are called in folders, that a
 * folder comes back as it was written, and what a stranger's folder is refused for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/config_json.h"
#include "base/memory.h"
#include "support/scratch.h"
#include "support/succeeds.h"
#include "weights/adapter_file.h"
#include "weights/adapter_names.h"

static const char qwen3[] = "{\"model_type\": \"qwen3_moe\", \"vocab_size\": 64, "
                            "\"num_hidden_layers\": 2, \"hidden_size\": 32, "
                            "\"num_attention_heads\": 2, \"num_key_value_heads\": 1, "
                            "\"head_dim\": 16, \"intermediate_size\": 48, "
                            "\"moe_intermediate_size\": 12, \"num_experts\": 4, "
                            "\"num_experts_per_tok\": 2, \"norm_topk_prob\": true, "
                            "\"decoder_sparse_step\": 1, \"mlp_only_layers\": [], "
                            "\"rms_norm_eps\": 1e-05, \"rope_theta\": 10000.0, "
                            "\"max_position_embeddings\": 64, \"tie_word_embeddings\": false, "
                            "\"hidden_act\": \"silu\"}";

#define SIZES                                                                                      \
    "\"num_hidden_layers\": 2, \"vocab_size\": 64, \"hidden_size\": 32, \"head_dim\": 16, "        \
    "\"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"intermediate_size\": 12, "          \
    "\"num_local_experts\": 4, \"num_experts_per_tok\": 2, \"rms_norm_eps\": 1e-05, "              \
    "\"max_position_embeddings\": 64, \"hidden_act\": \"silu\"}"
static const char gpt_oss[] = "{\"model_type\": \"gpt_oss\", " SIZES;
static const char granitemoe[] = "{\"model_type\": \"granitemoe\", " SIZES;

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(scratch_file(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static model_config config_of(const char *text)
{
    model_config c = { 0 };
    succeeds(model_config_parse("config.json", text, strlen(text), &c));
    return c;
}

static adapter made(const model_config *c, const char *targets, int64_t rank)
{
    adapter a;
    adapter_spec spec = { .rank = rank, .alpha = 8 };
    succeeds(adapter_targets_parse(targets, &spec.targets));
    succeeds(adapter_make(c, &spec, &a));
    return a;
}

/* ---- targets ---- */

static void test_targets(void **state)
{
    (void)state;
    unsigned targets;
    char text[ADAPTER_TARGETS_TEXT];
    succeeds(adapter_targets_parse("q,k,v,o", &targets));
    assert_int_equal(targets, ADAPT_Q | ADAPT_K | ADAPT_V | ADAPT_O);
    succeeds(adapter_targets_parse("gate,up,down", &targets));
    assert_int_equal(targets, ADAPT_GATE | ADAPT_UP | ADAPT_DOWN);
    succeeds(adapter_targets_parse("o,gate_up,down", &targets));
    assert_int_equal(targets, ADAPT_O | ADAPT_GATE_UP | ADAPT_FUSED_DOWN);
    adapter_targets_text(targets, text);
    assert_string_equal(text, "o,gate_up,down");
    succeeds(adapter_targets_parse("down", &targets));
    assert_int_equal(targets, ADAPT_FUSED_DOWN);
    refuses(adapter_targets_parse("q,router", &targets), CADRE_EARGUMENT, "found 'router'");
    refuses(adapter_targets_parse("q,q", &targets), CADRE_EARGUMENT, "found 'q'");
    refuses(adapter_targets_parse("", &targets), CADRE_EARGUMENT, "found ''");
    refuses(adapter_targets_parse("gate,gate_up", &targets), CADRE_EARGUMENT, "gate_up");
}

static void test_pairs(void **state)
{
    (void)state;
    model_config c = config_of(qwen3);
    adapter a = made(&c, "q,o,gate,down", 3);
    assert_int_equal(a.count, 2 * (2 + 2 * 4));
    assert_int_equal(a.table.count, 2 * a.count);
    /* Experts' pairs are neighbours, and lie behind all others. */
    assert_int_equal(a.pair[2].role, ROLE_EXPERT_GATE);
    for (int e = 0; e < 4; e++) assert_int_equal(a.pair[2 + e].expert, e);
    int64_t dense = 0;
    for (int64_t i = 0; i < a.table.count; i++) {
        const param *p = &a.table.rows[i];
        int64_t end = p->offset + p->rows * p->cols;
        if (!param_is_expert(p->role) && end > dense) dense = end;
    }
    for (int64_t i = 0; i < a.table.count; i++)
        if (param_is_expert(a.table.rows[i].role)) assert_true(a.table.rows[i].offset >= dense);
    adapter_free(&a);
    a = made(&c, "gate_up,down", 3);
    assert_int_equal(a.count, 2 * 2 * 4);
    assert_int_equal(a.table.rows[1].rows, 24); /* gate and up */
    adapter_free(&a);
    model_config_free(&c);
}

static void test_initial_values(void **state)
{
    (void)state;
    model_config c = config_of(qwen3);
    adapter a = made(&c, "q,down", 2);
    real *values = MEM_ARRAY(real, a.table.elements);
    adapter_initialise(&a, 5, values);
    for (int64_t i = 0; i < a.table.count; i++) {
        const param *p = &a.table.rows[i];
        double most = 0, sum = 0;
        for (int64_t j = 0; j < p->rows * p->cols; j++) {
            double x = (double)values[p->offset + j];
            sum += x * x;
            if (x > most) most = x;
        }
        if (i % 2) assert_true(sum == 0);
        else assert_true(sum > 0 && most * most * (double)p->cols <= 1 + 1e-6);
    }
    mem_free(values);
    adapter_free(&a);
    model_config_free(&c);
}

/* ---- names ---- */

static void expect_name(const model_config *c, const adapter *a, int64_t i, const char *expected)
{
    char name[ADAPTER_NAME];
    succeeds(adapter_module_name(c, a, &a->pair[i], name));
    assert_string_equal(name, expected);
}

static void test_names(void **state)
{
    (void)state;
    model_config c = config_of(qwen3);
    adapter a = made(&c, "q,gate,up", 1);
    expect_name(&c, &a, 0, "model.layers.0.self_attn.q_proj");
    expect_name(&c, &a, 2, "model.layers.0.mlp.experts.1.gate_proj");
    assert_string_equal(adapter_leaf_name("model.layers.0.self_attn.q_proj"), "q_proj");
    adapter_free(&a);
    a = made(&c, "gate_up,down", 1);
    expect_name(&c, &a, 0, "model.layers.0.mlp.experts.base_layer");
    expect_name(&c, &a, 4, "model.layers.0.mlp.experts");
    adapter_free(&a);
    a = made(&c, "gate_up", 1); /* the only one is the outer one */
    expect_name(&c, &a, 4, "model.layers.1.mlp.experts");
    adapter_free(&a);
    model_config_free(&c);
}

/* ---- there and back ---- */

static void save(const model_config *c, const adapter *a, const real *values)
{
    safetensors_writer *w;
    succeeds(adapter_write_config(a, c, "base", scratch_folder()));
    succeeds(safetensors_writer_open(scratch_file(ADAPTER_WEIGHTS), false, &w));
    succeeds(adapter_write(w, c, a, values));
    succeeds(safetensors_writer_commit(w));
}

static void check_round(const char *model, const char *targets)
{
    model_config c = config_of(model);
    adapter a = made(&c, targets, 2), back;
    adapter_spec spec;
    size_t bytes = (size_t)a.table.elements * sizeof(real);
    real *values = MEM_ARRAY(real, a.table.elements), *read = MEM_ARRAY(real, a.table.elements);
    memset(values, 0, bytes);
    memset(read, 0, bytes);
    for (int64_t i = 0; i < a.table.count; i++)
        for (int64_t j = 0; j < a.table.rows[i].rows * a.table.rows[i].cols; j++)
            values[a.table.rows[i].offset + j] = (real)(i + j) / 64;
    save(&c, &a, values);
    succeeds(adapter_read_config(scratch_folder(), &c, &spec));
    assert_int_equal(spec.rank, 2);
    assert_true(spec.alpha == 8);
    assert_int_equal(spec.targets, a.spec.targets);
    succeeds(adapter_make(&c, &spec, &back));
    assert_int_equal(back.table.elements, a.table.elements);
    succeeds(adapter_read_values(scratch_folder(), &c, &back, read));
    assert_memory_equal(read, values, bytes);
    mem_free(values);
    mem_free(read);
    adapter_free(&a);
    adapter_free(&back);
    model_config_free(&c);
}

static void test_round(void **state)
{
    (void)state;
    check_round(qwen3, "q,k,v,o");
    check_round(qwen3, "q,gate,up,down");
    check_round(qwen3, "v,gate_up,down");
    check_round(qwen3, "gate_up");
    check_round(qwen3, "down");
    check_round(gpt_oss, "v,gate_up,down");
    check_round(granitemoe, "v,gate_up,down");
}

/* Column r E + e of B belongs to expert e. */
static void test_fused_columns(void **state)
{
    (void)state;
    model_config c = config_of(qwen3);
    adapter a = made(&c, "down", 2);
    real *values = MEM_ARRAY(real, a.table.elements);
    memset(values, 0, (size_t)a.table.elements * sizeof *values);
    const param *b = &a.table.rows[2 * 3 + 1]; /* of expert 3 */
    values[b->offset + 5 * 2 + 1] = 7;         /* row 5, r = 1 */
    save(&c, &a, values);
    safetensors *file;
    const safetensors_tensor *t;
    const int64_t shape[2] = { 32, 8 };
    succeeds(safetensors_open(scratch_file(ADAPTER_WEIGHTS), &file));
    succeeds(safetensors_get_as(
        file, "base_model.model.model.layers.0.mlp.experts.lora_B.weight", "F32", 2, shape, &t));
    float found;
    memcpy(&found, t->data + (5 * 8 + 1 * 4 + 3) * (int64_t)sizeof found, sizeof found);
    assert_true(found == 7);
    safetensors_close(file);
    mem_free(values);
    adapter_free(&a);
    model_config_free(&c);
}

/* In gpt-oss, rows of gate and up take turns: row 2 i is gate's row i, row 2 i + 1 is up's. */
static void test_alternating_rows(void **state)
{
    (void)state;
    model_config c = config_of(gpt_oss);
    adapter a = made(&c, "gate_up", 2);
    real *values = MEM_ARRAY(real, a.table.elements);
    memset(values, 0, (size_t)a.table.elements * sizeof *values);
    const param *b = &a.table.rows[2 * 3 + 1]; /* of expert 3, which has 24 rows */
    values[b->offset + 5 * 2 + 1] = 7;         /* row 5 of gate, r = 1 */
    values[b->offset + (12 + 6) * 2 + 1] = 8;  /* row 6 of up */
    save(&c, &a, values);
    safetensors *file;
    const safetensors_tensor *t;
    const int64_t shape[2] = { 24, 8 };
    succeeds(safetensors_open(scratch_file(ADAPTER_WEIGHTS), &file));
    succeeds(safetensors_get_as(
        file, "base_model.model.model.layers.0.mlp.experts.lora_B.weight", "F32", 2, shape, &t));
    float found[24 * 8];
    memcpy(found, t->data, sizeof found);
    assert_true(found[10 * 8 + 1 * 4 + 3] == 7 && found[13 * 8 + 1 * 4 + 3] == 8);
    safetensors_close(file);
    mem_free(values);
    adapter_free(&a);
    model_config_free(&c);
}

/* Names in transformers' models that those of the tensors do not say */
static void test_listed_modules(void **state)
{
    (void)state;
    model_config c = config_of(granitemoe);
    adapter a = made(&c, "o,gate_up,down", 1);
    char text[ADAPTER_NAME];
    expect_name(&c, &a, 0, "model.layers.0.self_attn.o_proj");
    expect_name(&c, &a, 1, "model.layers.0.block_sparse_moe.experts.base_layer");
    adapter_experts_ending(&c, text);
    assert_string_equal(text, "block_sparse_moe.experts");
    assert_false(adapter_rows_alternate(&c));
    adapter_free(&a);
    model_config_free(&c);
}

/* ---- strangers' folders ---- */

static const struct {
    const char *members, *phrase;
} bad[] = {
    { "\"peft_type\": \"IA3\"", "peft_type: expected \"LORA\"" },
    { "\"r\": 4", "peft_type" },
    { "\"peft_type\": \"LORA\", \"use_dora\": true", "use_dora" },
    { "\"peft_type\": \"LORA\", \"use_rslora\": true", "use_rslora" },
    { "\"peft_type\": \"LORA\", \"bias\": \"all\"", "bias" },
    { "\"peft_type\": \"LORA\", \"modules_to_save\": [\"lm_head\"]", "modules_to_save" },
    { "\"peft_type\": \"LORA\", \"rank_pattern\": {\"q_proj\": 8}", "rank_pattern" },
    { "\"peft_type\": \"LORA\", \"alpha_pattern\": {\"q_proj\": 8}", "alpha_pattern" },
    { "\"peft_type\": \"LORA\", \"layers_to_transform\": 1", "layers_to_transform" },
    { "\"peft_type\": \"LORA\", \"init_lora_weights\": \"pissa\"", "init_lora_weights" },
    { "\"peft_type\": \"LORA\", \"r\": 0, \"lora_alpha\": 8", "r: expected" },
    { "\"peft_type\": \"LORA\", \"r\": 1e9, \"lora_alpha\": 8", "r: expected" },
    { "\"peft_type\": \"LORA\", \"r\": 4", "lora_alpha" },
    { "\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": -1", "lora_alpha" },
    { "\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8", "target_modules" },
    { "\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"target_modules\": \".*\"",
        "target_modules" },
    { "\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"target_modules\": [\"lm_head\"]",
        "target_modules[0]" },
    { "\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"target_parameters\": [\"x\"]",
        "target_parameters[0]" },
    { "\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"target_modules\": [\"up_proj\"], "
      "\"target_parameters\": [\"mlp.experts.down_proj\"]",
        "not both" },
};

static void test_bad_configs(void **state)
{
    (void)state;
    model_config c = config_of(qwen3);
    adapter_spec spec;
    char text[512];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "{%s}", bad[i].members);
        write_text(ADAPTER_CONFIG, text);
        cadre_status status = adapter_read_config(scratch_folder(), &c, &spec);
        if (status == CADRE_OK || !strstr(cadre_last_error(), bad[i].phrase))
            fail_msg("%s: status %d, \"%s\"", text, (int)status, cadre_last_error());
    }
    model_config_free(&c);
}

typedef struct stored {
    const char *name, *dtype;
    int64_t rows, cols;
    float value;
} stored;

static void write_tensors(const stored *t, int count)
{
    safetensors_writer *w;
    succeeds(safetensors_writer_open(scratch_file(ADAPTER_WEIGHTS), false, &w));
    for (int i = 0; i < count; i++) {
        const int64_t shape[2] = { t[i].rows, t[i].cols };
        succeeds(safetensors_writer_declare(w, t[i].name, t[i].dtype, 2, shape));
    }
    for (int i = 0; i < count; i++)
        for (int64_t j = 0; j < t[i].rows * t[i].cols; j++)
            succeeds(safetensors_writer_put(
                w, &t[i].value, (size_t)safetensors_dtype_bits(t[i].dtype) / 8));
    succeeds(safetensors_writer_commit(w));
}

#define LAYER0 "base_model.model.model.layers.0.self_attn.q_proj."
#define LAYER1 "base_model.model.model.layers.1.self_attn.q_proj."

static void expect_refused(const stored *t, int count, const char *phrase)
{
    model_config c = config_of(qwen3);
    adapter a = made(&c, "q", 2);
    real *values = MEM_ARRAY(real, a.table.elements);
    write_tensors(t, count);
    cadre_status status = adapter_read_values(scratch_folder(), &c, &a, values);
    if (status == CADRE_OK || !strstr(cadre_last_error(), phrase))
        fail_msg("status %d, \"%s\", wanted \"%s\"", (int)status, cadre_last_error(), phrase);
    mem_free(values);
    adapter_free(&a);
    model_config_free(&c);
}

static void test_bad_tensors(void **state)
{
    (void)state;
    const stored right[] = { { LAYER0 "lora_A.weight", "F32", 2, 32, 1 },
        { LAYER0 "lora_B.weight", "F32", 32, 2, 1 }, { LAYER1 "lora_A.weight", "F32", 2, 32, 1 },
        { LAYER1 "lora_B.weight", "F32", 32, 2, 1 },
        { LAYER1 "lora_magnitude_vector.weight", "F32", 1, 32, 1 } };
    stored t[5];
    expect_refused(right, 3, LAYER1 "lora_B.weight");
    expect_refused(right, 5, "lora_magnitude_vector");
    memcpy(t, right, sizeof t);
    t[0].rows = 3;
    expect_refused(t, 4, LAYER0 "lora_A.weight");
    memcpy(t, right, sizeof t);
    t[2].dtype = "I32";
    expect_refused(t, 4, "F32, F16 or BF16");
    memcpy(t, right, sizeof t);
    t[3].value = (float)(1 / (0 * t[3].value + 1e-300));
    expect_refused(t, 4, "NaN or an infinity");
}

static void test_wrong_models(void **state)
{
    (void)state;
    model_config c = config_of(qwen3);
    adapter a;
    adapter_spec spec = { .rank = 2, .alpha = 8, .targets = ADAPT_GATE_UP };
    c.layer[1].moe.form = "gelu";
    refuses(adapter_make(&c, &spec, &a), CADRE_EARGUMENT, "gate_up");
    c.layer[0].moe.constants = 1;
    refuses(adapter_make(&c, &spec, &a), CADRE_EUNSUPPORTED, "constants");
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_initial_values),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_fused_columns),
        cmocka_unit_test(test_alternating_rows),
        cmocka_unit_test(test_listed_modules),
        cmocka_unit_test(test_bad_configs),
        cmocka_unit_test(test_bad_tensors),
        cmocka_unit_test(test_wrong_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
