/* oracle_test.c - training steps of four architectures, as PyTorch computed them in double
 * precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "support/small_run.h"

static const safetensors_tensor *find(const safetensors *f, const char *name)
{
    const safetensors_tensor *t = safetensors_find(f, name);
    if (!t) fail_msg("%s is not there", name);
    return t;
}

/* Element i of a tensor of any type that the files have */
static double number(const safetensors_tensor *t, int64_t i)
{
    const void *data = t->data;
    if (!strcmp(t->dtype, "F64")) return ((const double *)data)[i];
    if (!strcmp(t->dtype, "I64")) return (double)((const int64_t *)data)[i];
    if (!strcmp(t->dtype, "I32")) return ((const int32_t *)data)[i];
    assert_string_equal(t->dtype, "F32");
    return (double)((const float *)data)[i];
}

/* Compares one number of each line of the metrics with a tensor of the expected results. */
static void compare_column(const char *name, const char *key, const json_node *line,
    const safetensors *expected, int64_t step, double bound)
{
    double got;
    const safetensors_tensor *t = find(expected, key);
    assert_true(step < t->elements);
    double want = number(t, step);
    if (json_get_real(line, key, -1e9, 1e9, &got) != CADRE_OK) fail_msg("%s", cadre_last_error());
    if (!(fabs(got - want) <= bound))
        fail_msg("%s step %lld: %s is %.9g, expected %.9g", name, (long long)step, key, got, want);
}

static void compare_loads(
    const char *name, const json_node *line, const safetensors *expected, int64_t step)
{
    const safetensors_tensor *t = find(expected, "loads");
    json_node layers;
    assert_int_equal(json_get_array(line, "loads", &layers), CADRE_OK);
    int64_t sparse = t->shape[1], experts = t->shape[2];
    assert_int_equal(json_count(&layers), sparse);
    for (int64_t s = 0; s < sparse; s++) {
        json_node row = json_item(&layers, (size_t)s);
        assert_int_equal(json_count(&row), experts);
        for (int64_t e = 0; e < experts; e++) {
            json_node cell = json_item(&row, (size_t)e);
            int64_t got, at = (step * sparse + s) * experts + e;
            assert_int_equal(json_as_int(&cell, 0, 1 << 30, &got), CADRE_OK);
            if ((double)got != number(t, at))
                fail_msg("%s step %lld: load of expert %lld in sparse layer %lld", name,
                    (long long)step, (long long)e, (long long)s);
        }
    }
}

static void compare_metrics(const char *name, const char *path, const safetensors *expected)
{
    char *text;
    size_t size;
    int64_t step = 0;
    assert_int_equal(file_read(path, 1 << 24, &text, &size), CADRE_OK);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, step++) {
        json_document *document;
        assert_int_equal(json_parse(path, line, (size_t)(end - line), &document), CADRE_OK);
        json_node root = json_root(document);
        compare_column(name, "loss", &root, expected, step, 1e-5);
        compare_column(name, "aux_loss", &root, expected, step, 1e-5);
        compare_column(name, "z_loss", &root, expected, step, 1e-5);
        compare_column(name, "grad_norm", &root, expected, step, 1e-3);
        compare_loads(name, &root, expected, step);
        json_close(document);
    }
    assert_int_equal(step, find(expected, "loss")->elements);
    mem_free(text);
}

static void compare_logits(
    const char *name, const char *folder, const char *tokens_path, const safetensors *expected)
{
    cadre_context *context;
    cadre_model *model;
    safetensors *tokens, *got;
    const char *out = scratch_file("logits.safetensors");
    assert_int_equal(safetensors_open(tokens_path, &tokens), CADRE_OK);
    const safetensors_tensor *t = find(tokens, "tokens");
    assert_int_equal(cadre_context_new(2, NULL, &context), CADRE_OK);
    if (cadre_model_open(context, folder, &model) != CADRE_OK) fail_msg("%s", cadre_last_error());
    assert_int_equal(
        cadre_logits(model, (const int32_t *)(const void *)t->data, t->shape[2] - 1, NULL, 0, out),
        CADRE_OK);
    assert_int_equal(safetensors_open(out, &got), CADRE_OK);
    const safetensors_tensor *a = find(got, "logits"), *b = find(expected, "final_logits");
    assert_int_equal(a->elements, b->elements);
    for (int64_t i = 0; i < a->elements; i++)
        if (!(fabs(number(a, i) - number(b, i)) <= 1e-3))
            fail_msg("%s: logit %lld is %g, expected %g", name, (long long)i, number(a, i),
                number(b, i));
    safetensors_close(got);
    safetensors_close(tokens);
    cadre_model_close(model);
    cadre_context_free(context);
}

/* accumulate NULL: that of the case */
static void run_case_of(const char *set, const char *name, const char *accumulate)
{
    char relative[64], model[4096], tokens[4200], recipe_path[4200], expected_path[4200];
    snprintf(relative, sizeof relative, "%s/%s", set, name);
    snprintf(model, sizeof model, "%s", oracle_path(relative));
    const char *out = scratch_file(name), *metrics = scratch_file("metrics.jsonl");
    snprintf(tokens, sizeof tokens, "%s/tokens.safetensors", model);
    snprintf(recipe_path, sizeof recipe_path, "%s/recipe.json", model);
    snprintf(expected_path, sizeof expected_path, "%s/expected.safetensors", model);
    cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options() };
    cadre_options *o;
    safetensors *expected;
    assert_int_equal(cadre_options_new(tables, 4, &o), CADRE_OK);
    if (cadre_options_load(o, recipe_path) != CADRE_OK) fail_msg("%s", cadre_last_error());
    if (accumulate) small_set(o, "accumulate", accumulate);
    small_set(o, "from", model);
    small_set(o, "tokens", tokens);
    small_set(o, "out", out);
    small_set(o, "metrics", metrics);
    small_train(o, 2, CADRE_OK);
    assert_int_equal(safetensors_open(expected_path, &expected), CADRE_OK);
    compare_metrics(name, metrics, expected);
    compare_logits(name, out, tokens, expected);
    safetensors_close(expected);
    cadre_options_free(o);
    small_remove(out);
}

static void run_case(const char *name) { run_case_of("train", name, NULL); }

static void targets_that_do_not_count(void **state)
{
    (void)state;
    run_case_of("work", "mask-answers", NULL);
    run_case_of("work", "mask-answers", "4");
}

static void packed_documents(void **state)
{
    (void)state;
    run_case_of("work", "pack-answers", NULL);
    run_case_of("work", "pack-documents", NULL);
    run_case_of("work", "pack-documents", "2");
    run_case_of("work", "pack-runs", "4");
}

static void mixtral(void **state) { (void)state, run_case("mixtral"); }
static void olmoe(void **state) { (void)state, run_case("olmoe"); }
static void qwen3_moe(void **state) { (void)state, run_case("qwen3_moe"); }
static void deepseek_v3(void **state) { (void)state, run_case("deepseek_v3"); }

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(mixtral), cmocka_unit_test(olmoe),
        cmocka_unit_test(qwen3_moe), cmocka_unit_test(deepseek_v3),
        cmocka_unit_test(targets_that_do_not_count), cmocka_unit_test(packed_documents) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
