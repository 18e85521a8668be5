/* footprint_test.c - the memory that is stated for an opened model is what running it takes, to
 * within a tenth: as it is allocated, and as the machine counts it. Large blocks end on large
 * pages, so a few megabytes are let pass. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cadre.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHADOWED = true };
#else
enum { SHADOWED = false };
#endif

/* What is allocated does not depend on how much is read; what the machine counts does. */
enum { CONTEXT = 1024, LAST = 4, READ = SHADOWED ? 70 : CONTEXT - LAST, FLOOR = 3 << 20 };

/* Bytes that are in memory and are no file's. */
static int64_t resident(void)
{
    char line[128];
    long long kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, "RssAnon:", 8)) kilobytes = atoll(line + 8);
    fclose(f);
    return kilobytes * 1024;
}

static bool listen(void *arg, int32_t id, const char *text, size_t size)
{
    (void)arg, (void)id, (void)text, (void)size;
    return true;
}

static void fill(cadre_session *session, int64_t vocab)
{
    static const cadre_sampling greedy = {
        .size = sizeof greedy, .top_p = 1, .repetition_penalty = 1
    };
    int32_t tokens[READ];
    for (int i = 0; i < READ; i++) tokens[i] = (int32_t)(i * 7 % vocab);
    succeeds(cadre_session_generate(session, tokens, READ, LAST, &greedy, listen, NULL));
}

static void check_model(const char *path, int threads, bool repack, const char *cache)
{
    cadre_context *context;
    cadre_model *model;
    cadre_session *session;
    cadre_memory memory = { .size = sizeof memory };
    cadre_model_info info = { .size = sizeof info };
    malloc_trim(0);
    int64_t allocated = mem_balance(), before = resident();
    succeeds(cadre_context_new(threads, NULL, &context));
    const cadre_open_options how = { .size = sizeof how, .repack = repack, .cache = cache };
    succeeds(cadre_model_open_with(context, path, &how, &model));
    succeeds(cadre_model_memory(model, CONTEXT, &memory));
    cadre_model_info_get(model, &info);
    succeeds(cadre_session_new(model, CONTEXT, &session));
    fill(session, info.vocabulary);
    allocated = mem_balance() - allocated;
    int64_t found = resident() - before, kept = memory.total - memory.cache;
    if (repack) assert_true(info.copied_bytes >= info.repack_bytes);
    printf("    %s, %d threads%s: stated %.2f MB, allocated %.2f and %.2f of cache, found %.2f\n",
        info.architecture, threads, repack ? ", repacked" : "", (double)memory.total / 1e6,
        (double)allocated / 1e6, (double)memory.cache / 1e6, (double)found / 1e6);
    assert_true(llabs(allocated - kept) <= kept / 10 + FLOOR);
    if (SHADOWED) printf("SKIP: a sanitizer has memory of its own: the machine's count\n");
    else assert_true(llabs(found - memory.total) <= memory.total / 10 + FLOOR);
    cadre_session_free(session);
    cadre_model_close(model);
    cadre_context_free(context);
}

static void check(const char *name, const char *dtype, const char *file)
{
    cadre_context *context;
    cadre_options *o = small_options(name);
    const char *path = scratch_file(file);
    small_set(o, "context", "1024");
    small_set(o, "width", "256");
    small_set(o, "expert-width", "256");
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_init(context, o, NULL, dtype, path, NULL));
    cadre_context_free(context);
    cadre_options_free(o);
    check_model(path, 1, false, NULL);
    check_model(path, 3, false, NULL);
}

static void the_statement_is_true(void **state)
{
    (void)state;
    check("qwen3-moe", "f32", "qwen3-moe.gguf");
    check("mixtral", "bf16", "mixtral.gguf");
    check("deepseek-v3", "f32", "deepseek-v3.gguf");
    check("olmoe", "q4_0", "olmoe.gguf");
    check_model(scratch_file("olmoe.gguf"), 3, true, NULL);
    check_model(scratch_file("olmoe.gguf"), 2, false, "f16");
    check_model(scratch_file("olmoe.gguf"), 2, false, "q8_0");
    check_model(scratch_file("deepseek-v3.gguf"), 2, false, "q8_0");
}

static void a_context_that_cannot_be_is_refused(void **state)
{
    (void)state;
    cadre_context *context;
    cadre_model *model;
    cadre_memory memory = { .size = sizeof memory, .total = 7 };
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_model_open(context, scratch_file("olmoe.gguf"), &model));
    assert_int_equal(cadre_model_memory(model, 0, &memory), CADRE_EARGUMENT);
    assert_int_equal(cadre_model_memory(model, INT64_MAX, &memory), CADRE_EARGUMENT);
    assert_int_equal(memory.total, 7);
    cadre_model_close(model);
    cadre_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_statement_is_true),
        cmocka_unit_test(a_context_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
