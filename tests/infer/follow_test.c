/* follow_test.c - models that several ranks run together: every published architecture, in every
 * way to divide it, gives the bits of one process. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "format/safetensors.h"
#include "support/oracle.h"
#include "support/ranked.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { MOST_CASES = 128, MOST_TOKENS = 64, WRITTEN = 12 };

typedef struct layout_case {
    int ranks;
    const char *layout;
} layout_case;

static const layout_case layouts[] = { { 2, "expert=2" }, { 2, "tensor=2" }, { 2, "pipeline=2" },
    { 2, NULL }, { 3, "expert=3" }, { 3, "pipeline=3" }, { 3, "tensor=3" }, { 4, "expert=4" },
    { 4, "tensor=4" }, { 4, "expert=2,tensor=2" }, { 4, "expert=2,pipeline=2" },
    { 4, "pipeline=2,tensor=2" } };
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

/* What is asked of a model, and what it answers: a file of logits and routes, and a text. */
typedef struct question {
    const int32_t *tokens, *decoder;
    int64_t count, decoder_count;
    const char *logits;
    int32_t ids[MOST_TOKENS];
    int64_t written;
} question;

static bool listen(void *arg, int32_t id, const char *piece, size_t size)
{
    question *q = arg;
    (void)piece, (void)size;
    if (id >= 0) q->ids[q->written++] = id;
    return q->written < MOST_TOKENS;
}

static cadre_status ask(cadre_model *model, void *arg)
{
    question *q = arg;
    const cadre_sampling greedy = { .size = sizeof greedy };
    cadre_status status =
        cadre_logits(model, q->tokens, q->count, q->decoder, q->decoder_count, q->logits);
    if (status != CADRE_OK) return status;
    return cadre_generate(model, q->tokens, q->count, WRITTEN, &greedy, NULL, listen, q);
}

static bool same_files(const char *a, const char *b)
{
    file_map x, y;
    succeeds(file_map_open(a, &x));
    succeeds(file_map_open(b, &y));
    bool same = x.size == y.size && !memcmp(x.data, y.data, x.size);
    file_map_close(&x);
    file_map_close(&y);
    return same;
}

/* Some models cannot be divided in some way, and say so. */
static bool is_refused(const ranked_result *r)
{
    return (r->status == CADRE_EARGUMENT || r->status == CADRE_EUNSUPPORTED) &&
           strstr(r->sentence, "--parallel");
}

/* Asks in one process, and then in every layout. Returns in how many. */
static int compare_layouts(const char *path, question q)
{
    char one_file[512], many_file[512];
    int ran = 0;
    snprintf(one_file, sizeof one_file, "%s", scratch_file("one"));
    snprintf(many_file, sizeof many_file, "%s", scratch_file("many"));
    question one = q;
    one.logits = one_file;
    ranked_result r = ranked_run(path, 1, NULL, ask, &one);
    if (r.status != CADRE_OK) fail_msg("%s: %s", path, r.sentence);
    for (int i = 0; i < LAYOUTS; i++) {
        question many = q;
        many.logits = many_file;
        r = ranked_run(path, layouts[i].ranks, layouts[i].layout, ask, &many);
        if (is_refused(&r)) continue;
        const char *name = layouts[i].layout ? layouts[i].layout : "no layout";
        if (r.status != CADRE_OK) fail_msg("%s: %s: %s", path, name, r.sentence);
        if (!same_files(one_file, many_file)) fail_msg("%s: %s: other logits", path, name);
        if (one.written != many.written || memcmp(one.ids, many.ids, sizeof one.ids) != 0)
            fail_msg("%s: %s: another text", path, name);
        ran++;
    }
    return ran;
}

static const int32_t *ids_of(const safetensors *file, const char *name, int64_t *count)
{
    const safetensors_tensor *t = safetensors_find(file, name);
    *count = t ? t->elements : 0;
    return t ? (const int32_t *)(const void *)t->data : NULL;
}

static void check_case(void **state)
{
    char path[4096], gguf[4200], file[4200];
    safetensors *expected;
    question q = { 0 };
    snprintf(path, sizeof path, "%s/%s", oracle_path("models"), (const char *)*state);
    snprintf(gguf, sizeof gguf, "%s/model.gguf", path);
    snprintf(file, sizeof file, "%s/expected.safetensors", path);
    succeeds(safetensors_open(file, &expected));
    q.tokens = ids_of(expected, "tokens", &q.count);
    q.decoder = ids_of(expected, "decoder_tokens", &q.decoder_count);
    assert_true(compare_layouts(path, q) >= 3);
    if (file_exists(gguf)) assert_true(compare_layouts(gguf, q) >= 3);
    safetensors_close(expected);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[MOST_CASES];
    size_t count = 0;
    DIR *folder = opendir(oracle_path("models"));
    if (!folder) return 1;
    for (const struct dirent *entry; (entry = readdir(folder)) && count < MOST_CASES;) {
        if (entry->d_name[0] == '.' || (argc > 1 && strcmp(argv[1], entry->d_name) != 0)) continue;
        char *name = mem_strdup(entry->d_name);
        tests[count++] =
            (struct CMUnitTest){ .name = name, .test_func = check_case, .initial_state = name };
    }
    closedir(folder);
    qsort(tests, count, sizeof *tests, by_name);
    int failed = _cmocka_run_group_tests("ranks that run models", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++) mem_free(tests[i].initial_state);
    return failed;
}
