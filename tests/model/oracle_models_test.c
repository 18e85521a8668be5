/* oracle_models_test.c - every published architecture as other people's software computes it:
 * logits, chosen experts, their weights and greedy text, from the folder, and logits and routing
 * from a GGUF of the same model where there is one. Of the newer families, those that are known. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "format/safetensors.h"
#include "support/generation.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { MOST_CASES = 128, MOST_TOKENS = 64 };

static cadre_context *context;

static int begin(void **state)
{
    (void)state;
    return cadre_context_new(2, NULL, &context);
}

static int end(void **state)
{
    (void)state;
    cadre_context_free(context);
    return 0;
}

/* ---- comparing ---- */

static const safetensors_tensor *tensor_of(const safetensors *file, const char *name)
{
    const safetensors_tensor *t = safetensors_find(file, name);
    if (!t) fail_msg("%s: no tensor %s", safetensors_path(file), name);
    return t;
}

static void compare_reals(
    const safetensors_tensor *got, const safetensors_tensor *expected, double tolerance)
{
    const float *x = (const float *)(const void *)got->data,
                *y = (const float *)(const void *)expected->data;
    double worst = 0;
    assert_int_equal(got->elements, expected->elements);
    for (int64_t i = 0; i < got->elements; i++)
        worst = fmax(worst, isnan(x[i]) ? INFINITY : fabs((double)x[i] - (double)y[i]));
    if (!(worst <= tolerance))
        fail_msg("%s differs by %g, more than %g", got->name, worst, tolerance);
}

static double largest(const safetensors_tensor *t)
{
    const float *x = (const float *)(const void *)t->data;
    double most = 0;
    for (int64_t i = 0; i < t->elements; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

static bool begins_with(const char *text, const char *start)
{
    return !strncmp(text, start, strlen(start));
}

/* Every tensor that the reference has and a file of logits should. */
static void compare(const safetensors *got, const safetensors *expected)
{
    for (size_t i = 0; i < safetensors_count(expected); i++) {
        const safetensors_tensor *want = safetensors_at(expected, i);
        if (begins_with(want->name, "logits"))
            compare_reals(tensor_of(got, want->name), want, 1e-4);
        if (begins_with(want->name, "weights"))
            compare_reals(tensor_of(got, want->name), want, 1e-5 * fmax(1, largest(want)));
        if (!begins_with(want->name, "routes")) continue;
        const safetensors_tensor *have = tensor_of(got, want->name);
        assert_int_equal(have->size, want->size);
        assert_memory_equal(have->data, want->data, want->size);
    }
}

/* ---- a case ---- */

static const int32_t *ids_of(const safetensors *file, const char *name, int64_t *count)
{
    const safetensors_tensor *t = tensor_of(file, name);
    *count = t->elements;
    return (const int32_t *)(const void *)t->data;
}

static void check_logits(cadre_model *model, const safetensors *expected)
{
    const char *out = scratch_file("logits.safetensors");
    int64_t count, decoder_count = 0;
    const int32_t *tokens = ids_of(expected, "tokens", &count), *decoder = NULL;
    if (safetensors_find(expected, "decoder_tokens"))
        decoder = ids_of(expected, "decoder_tokens", &decoder_count);
    safetensors *got;
    succeeds(cadre_logits(model, tokens, count, decoder, decoder_count, out));
    succeeds(safetensors_open(out, &got));
    compare(got, expected);
    safetensors_close(got);
}

typedef struct text {
    int32_t ids[MOST_TOKENS];
    int64_t count;
} text;

static bool listen(void *arg, int32_t id, const char *piece, size_t size)
{
    text *t = arg;
    (void)piece, (void)size;
    if (id >= 0) t->ids[t->count++] = id;
    return t->count < MOST_TOKENS;
}

static void check_greedy(cadre_model *model, const safetensors *expected)
{
    const cadre_sampling greedy = { .size = sizeof greedy };
    int64_t prompt_count, count;
    /* Of an encoder: its input */
    const char *source = safetensors_find(expected, "decoder_tokens") ? "tokens" : "prompt_ids";
    const int32_t *prompt = ids_of(expected, source, &prompt_count),
                  *ids = ids_of(expected, "greedy_ids", &count);
    text t = { .count = 0 };
    succeeds(continue_text(model, prompt, prompt_count, count, &greedy, listen, &t));
    assert_int_equal(t.count, count);
    assert_memory_equal(t.ids, ids, (size_t)count * sizeof *ids);
}

/* Weights in FP8 and MXFP4 too are used where they lie. */
static void check_copies(const cadre_model *model)
{
    cadre_model_info info = { .size = sizeof info };
    cadre_model_info_get(model, &info);
    for (int i = 0; i < info.format_count; i++)
        if (!strcmp(info.formats[i].name, "F8_E4M3") || !strcmp(info.formats[i].name, "MXFP4"))
            assert_true(info.copied_bytes < info.weight_bytes / 20);
}

static void check_source(const char *path, const safetensors *expected, bool greedy)
{
    cadre_model *model;
    succeeds(cadre_model_open(context, path, &model));
    check_copies(model);
    check_logits(model, expected);
    if (greedy && safetensors_find(expected, "greedy_ids")) check_greedy(model, expected);
    cadre_model_close(model);
}

/* Whether a model of the newer set is refused by the name of its family. */
static bool is_unknown(const char *path)
{
    cadre_model *model;
    if (cadre_model_open(context, path, &model) == CADRE_OK) {
        cadre_model_close(model);
        return false;
    }
    if (!strstr(cadre_last_error(), "model_type: expected a family")) return false;
    print_message("SKIP: a family that is not known yet: %s\n", strrchr(path, '/') + 1);
    return true;
}

/* *state: SET/CASE */
static void check_case(void **state)
{
    char path[4096], gguf[4200], file[4200];
    safetensors *expected;
    const char *name = *state;
    snprintf(path, sizeof path, "%s", oracle_path(name));
    if (begins_with(name, "models-newer/") && is_unknown(path)) return;
    snprintf(gguf, sizeof gguf, "%s/model.gguf", path);
    snprintf(file, sizeof file, "%s/expected.safetensors", path);
    succeeds(safetensors_open(file, &expected));
    check_source(path, expected, true);
    if (file_exists(gguf)) check_source(gguf, expected, false);
    safetensors_close(expected);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

static size_t add_cases(const char *set, struct CMUnitTest *tests, size_t count)
{
    DIR *folder = opendir(oracle_path(set));
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) && count < MOST_CASES;) {
        if (entry->d_name[0] == '.') continue;
        char *name = mem_printf("%s/%s", set, entry->d_name);
        tests[count++] =
            (struct CMUnitTest){ .name = name, .test_func = check_case, .initial_state = name };
    }
    closedir(folder);
    return count;
}

int main(void)
{
    struct CMUnitTest tests[MOST_CASES];
    size_t count = add_cases("models", tests, 0);
    if (oracle_has("models-newer")) count = add_cases("models-newer", tests, count);
    else printf("SKIP: not in the oracle that is at hand: models-newer\n");
    qsort(tests, count, sizeof *tests, by_name);
    int failed = _cmocka_run_group_tests("oracle models", tests, count, begin, end);
    for (size_t i = 0; i < count; i++) mem_free(tests[i].initial_state);
    return failed;
}
