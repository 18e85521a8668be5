/* config_file_test.c - what the file of a model says against its name and its config.json: a GGUF
 * by its first bytes, a head that is there against the word that there is none, factors of fewer
 * bits, numbers that no model can have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "cadre.h"
#include "format/safetensors.h"
#include "support/logits.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "support/succeeds.h"

static cadre_context *context;

static int begin(void **state)
{
    (void)state;
    return cadre_context_new(1, NULL, &context);
}

static int end(void **state)
{
    (void)state;
    cadre_context_free(context);
    return 0;
}

static void copy_file(const char *folder, const char *name, const char *to)
{
    char path[4200], *data;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    succeeds(file_read(path, (size_t)1 << 30, &data, &size));
    succeeds(file_write(to, data, size));
    cadre_free(data);
}

/* The scratch folder becomes that model, with `from` in its config.json replaced. */
static const char *changed_model(const char *name, const char *from, const char *to)
{
    static char folder[4096];
    char changed[8192], *config;
    size_t size;
    snprintf(folder, sizeof folder, "%s", oracle_path(name));
    snprintf(changed, sizeof changed, "%s/config.json", folder);
    succeeds(file_read(changed, (size_t)1 << 20, &config, &size));
    const char *at = strstr(config, from);
    assert_non_null(at);
    snprintf(
        changed, sizeof changed, "%.*s%s%s", (int)(at - config), config, to, at + strlen(from));
    succeeds(file_write(scratch_file("config.json"), changed, strlen(changed)));
    copy_file(folder, "model.safetensors", scratch_file("model.safetensors"));
    cadre_free(config);
    return folder;
}

static void a_head_that_is_there_counts(void **state)
{
    (void)state;
    const char *folder = changed_model(
        "models/olmoe", "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
    assert_true(same_logits(context, folder, scratch_folder()));
}

static void a_head_that_is_not_there_is_the_embedding(void **state)
{
    (void)state;
    const char *folder = changed_model(
        "models/qwen3", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": true ");
    assert_true(same_logits(context, folder, scratch_folder()));
}

static void a_gguf_is_known_by_its_bytes(void **state)
{
    (void)state;
    char folder[4096];
    cadre_model *model;
    snprintf(folder, sizeof folder, "%s", oracle_path("models/qwen3"));
    succeeds(cadre_convert(context, folder, scratch_file("sha256-0123.gguf"), "f32", NULL, NULL));
    assert_int_equal(rename(scratch_file("sha256-0123.gguf"), scratch_file("sha256-0123")), 0);
    assert_true(same_logits(context, folder, scratch_file("sha256-0123")));
    succeeds(file_write(scratch_file("x.safetensors"), "{}", 2));
    assert_int_equal(
        cadre_model_open(context, scratch_file("x.safetensors"), &model), CADRE_EFORMAT);
    assert_non_null(strstr(cadre_last_error(), "expected a GGUF file"));
}

/* The factors of FP8 weights with the upper half of their bits: alone, or as floats. */
static void write_factors(const safetensors *from, const char *to, bool halved)
{
    safetensors_writer *w;
    succeeds(safetensors_writer_open(to, false, &w));
    for (size_t i = 0; i < safetensors_count(from); i++) {
        const safetensors_tensor *t = safetensors_at(from, i);
        bool factor = strstr(t->name, "_scale_inv");
        succeeds(safetensors_writer_declare(
            w, t->name, factor && halved ? "BF16" : t->dtype, t->rank, t->shape));
    }
    for (size_t i = 0; i < safetensors_count(from); i++) {
        const safetensors_tensor *t = safetensors_at(from, i);
        bool factor = strstr(t->name, "_scale_inv");
        for (size_t k = 0; factor && k < t->size; k += 4) {
            if (!halved) succeeds(safetensors_writer_put(w, (const uint8_t[2]){ 0, 0 }, 2));
            succeeds(safetensors_writer_put(w, t->data + k + 2, 2));
        }
        if (!factor) succeeds(safetensors_writer_put(w, t->data, t->size));
    }
    succeeds(safetensors_writer_commit(w));
}

static void factors_may_have_fewer_bits(void **state)
{
    (void)state;
    char folder[4096];
    safetensors *from;
    snprintf(folder, sizeof folder, "%s", changed_model("models/deepseek_v3_fp8", "{", "{"));
    succeeds(safetensors_open(folder, &from));
    write_factors(from, scratch_file("model.safetensors"), false);
    safetensors *x = logits_of(context, scratch_folder(), "a.safetensors");
    write_factors(from, scratch_file("model.safetensors"), true);
    safetensors *y = logits_of(context, scratch_folder(), "b.safetensors");
    assert_true(logits_equal(x, y));
    safetensors_close(x);
    safetensors_close(y);
    safetensors_close(from);
}

/* Not the caller's argument is wrong, but the file. */
static void impossible_numbers_are_the_files(void **state)
{
    (void)state;
    cadre_model *model;
    changed_model("models/olmoe", "\"num_attention_heads\": 4", "\"num_attention_heads\": 5");
    assert_int_equal(cadre_model_open(context, scratch_folder(), &model), CADRE_EFORMAT);
    assert_non_null(strstr(cadre_last_error(), "config.json"));
}

/* A layer that the configuration does not count is in no file that is made of it. */
static void what_is_left_over_is_not_converted(void **state)
{
    (void)state;
    char path[256];
    if (!changed_model("models/mixtral", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2"))
        return;
    snprintf(path, sizeof path, "%s", scratch_file("out.gguf"));
    assert_int_equal(
        cadre_convert(context, scratch_folder(), path, NULL, NULL, NULL), CADRE_EUNSUPPORTED);
    assert_non_null(strstr(cadre_last_error(), "found a layer 2"));
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_that_is_there_counts),
        cmocka_unit_test(a_head_that_is_not_there_is_the_embedding),
        cmocka_unit_test(a_gguf_is_known_by_its_bytes),
        cmocka_unit_test(factors_may_have_fewer_bits),
        cmocka_unit_test(impossible_numbers_are_the_files),
        cmocka_unit_test(what_is_left_over_is_not_converted),
    };
    return cmocka_run_group_tests_name("what a model's file says", tests, begin, end);
}
