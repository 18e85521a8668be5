/* oracle_families_test.c - every published architecture is trained further, from a folder and from
 * a GGUF file: after two steps on a small text, the model has the same layers and size, can be
 * opened and computes something else; or the run is refused with the reason that is listed here. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "support/logits.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { MOST_CASES = 128, CONTEXT = 16 };

/* Models that cannot be trained, or that have no vocabulary and are trained on ids */
static const struct {
    const char *source, *words;
    bool without_text;
} refused[] = {
    { "models-newer/gemma4",
        "a model of type gemma4: expected one that can be trained, found a "
        "soft limit of logits",
        false },
    { "models-newer/gemma4/model.gguf", "expected one that can be trained, found a soft limit",
        false },
    { "models/olmoe_v5",
        "a model of type olmoe: expected one that can be trained, found queries, "
        "keys and values that are cut off",
        false },
    { "models/grok", "tokenizer.json: expected a readable file", true },
    { "models/grok/model.gguf", "the file holds no vocabulary", true },
    { "models/mixtral/model.gguf", "the file holds no vocabulary", true },
    { "models-newer/ernie4_5_moe/model.gguf", "the file holds no vocabulary", true },
};

enum { REFUSED = sizeof refused / sizeof *refused };

static int refusal_of(const char *source)
{
    int i = 0;
    while (i < REFUSED && strcmp(refused[i].source, source) != 0) i++;
    return i;
}

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

static const char *file_of_ids(void)
{
    static const int32_t ids[CONTEXT + 1] = { 3, 9, 27, 81, 5, 6, 7, 8, 20, 11, 12, 13, 14, 15,
        16 };
    const char *path = scratch_file("ids.safetensors");
    safetensors_writer *w;
    succeeds(safetensors_writer_open(path, false, &w));
    succeeds(safetensors_writer_declare(w, "tokens", "I32", 3, (int64_t[]){ 1, 1, CONTEXT + 1 }));
    succeeds(safetensors_writer_put(w, ids, sizeof ids));
    succeeds(safetensors_writer_commit(w));
    return path;
}

/* Trains on a text, or on a file of ids, which has one step. */
static cadre_status train_from(const char *source, bool text)
{
    static const char *const settings[][2] = { { "steps", "2" }, { "batch", "1" },
        { "context", "16" }, { "seed", "3" }, { "lr", "0.01" } };
    cadre_train_summary summary = { .size = sizeof summary };
    small_remove(scratch_file("trained"));
    cadre_options *o = small_options(NULL);
    for (size_t i = 0; text && i < sizeof settings / sizeof *settings; i++)
        small_set(o, settings[i][0], settings[i][1]);
    small_set(o, "from", source);
    if (text) small_set(o, "data", small_text("texts", 4000));
    else small_set(o, "tokens", file_of_ids());
    small_set(o, "out", scratch_file("trained"));
    cadre_status status = cadre_train(context, o, NULL, &summary);
    cadre_options_free(o);
    return status;
}

static safetensors *opened_logits(const char *path, cadre_model_info *info)
{
    static const int32_t tokens[] = { 3, 9, 27, 81, 5 };
    const char *out = scratch_file("logits.safetensors");
    cadre_model *model;
    safetensors *logits;
    succeeds(cadre_model_open(context, path, &model));
    *info = (cadre_model_info){ .size = sizeof *info };
    succeeds(cadre_model_info_get(model, info));
    bool whole = !strcmp(info->architecture, "switch_transformers"); /* it has an encoder */
    succeeds(cadre_logits(model, tokens, 5, whole ? tokens : NULL, whole ? 3 : 0, out));
    cadre_model_close(model);
    succeeds(safetensors_open(out, &logits));
    succeeds(file_remove(out));
    return logits;
}

static void check_trained(const char *source)
{
    cadre_model_info before, after;
    safetensors *old = opened_logits(source, &before),
                *new = opened_logits(scratch_file("trained"), &after);
    assert_int_equal(before.parameters, after.parameters);
    assert_int_equal(before.layer_kinds, after.layer_kinds);
    for (int64_t i = 0; i < before.layer_kinds; i++) {
        assert_string_equal(before.layer_kind[i].name, after.layer_kind[i].name);
        assert_int_equal(before.layer_kind[i].window, after.layer_kind[i].window);
        assert_int_equal(before.layer_kind[i].layers, after.layer_kind[i].layers);
    }
    assert_int_equal(before.vocabulary, after.vocabulary);
    assert_int_equal(before.experts_per_token, after.experts_per_token);
    assert_false(logits_equal(old, new));
    safetensors_close(old);
    safetensors_close(new);
}

/* *state: SET/CASE or SET/CASE/model.gguf */
static void check_source(void **state)
{
    char source[4096];
    int at = refusal_of(*state);
    snprintf(source, sizeof source, "%s", oracle_path(*state));
    cadre_status status = train_from(source, true);
    if (at < REFUSED) {
        if (status == CADRE_OK) fail_msg("was trained");
        if (!strstr(cadre_last_error(), refused[at].words) || !strstr(cadre_last_error(), source))
            fail_msg("\"%s\" does not say %s", cadre_last_error(), refused[at].words);
        if (!refused[at].without_text) return;
        status = train_from(source, false);
    }
    if (status != CADRE_OK) fail_msg("%s", cadre_last_error());
    check_trained(source);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

static void add_case(char *name, struct CMUnitTest *tests, size_t *count)
{
    if (*count < MOST_CASES && oracle_has(name))
        tests[(*count)++] =
            (struct CMUnitTest){ .name = name, .test_func = check_source, .initial_state = name };
    else mem_free(name);
}

static void add_cases(const char *set, struct CMUnitTest *tests, size_t *count)
{
    if (!oracle_has(set)) {
        printf("SKIP: not in the oracle that is at hand: %s\n", set);
        return;
    }
    DIR *folder = opendir(oracle_path(set));
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        add_case(mem_printf("%s/%s", set, entry->d_name), tests, count);
        add_case(mem_printf("%s/%s/model.gguf", set, entry->d_name), tests, count);
    }
    closedir(folder);
}

int main(void)
{
    struct CMUnitTest tests[MOST_CASES];
    size_t count = 0;
    add_cases("models", tests, &count);
    add_cases("models-newer", tests, &count);
    qsort(tests, count, sizeof *tests, by_name);
    int failed = _cmocka_run_group_tests("fine-tuned families", tests, count, begin, end);
    small_remove(scratch_file("trained"));
    for (size_t i = 0; i < count; i++) mem_free(tests[i].initial_state);
    return failed;
}
