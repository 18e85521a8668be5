/* repacking_test.c - a model opened with its weights laid out again gives the bits that it gives
 * from the file, whatever its architecture and number formats, for a token and for many, and it
 * states what that took. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/real.h"
#include "cadre.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { MOST = 40 };

static void make(const char *name, const char *width, const char *dtype, const char *path)
{
    cadre_context *context;
    cadre_options *o = small_options(name);
    small_set(o, "width", width);
    small_set(o, "expert-width", width);
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_init(context, o, NULL, dtype, path, NULL));
    cadre_context_free(context);
    cadre_options_free(o);
}

/* The logits of `count` tokens, as a file. */
static cadre_model_info run(const char *path, bool repack, int64_t count, const char *out)
{
    cadre_context *context;
    cadre_model *model;
    cadre_model_info info = { .size = sizeof info };
    int32_t tokens[MOST];
    for (int i = 0; i < MOST; i++) tokens[i] = i * 7 % 50;
    succeeds(cadre_context_new(3, NULL, &context));
    cadre_open_options how = { .size = sizeof how, .repack = repack };
    succeeds(cadre_model_open_with(context, path, &how, &model));
    cadre_model_info_get(model, &info);
    succeeds(file_remove(out));
    succeeds(cadre_logits(model, tokens, count, NULL, 0, out));
    cadre_model_close(model);
    cadre_context_free(context);
    return info;
}

static void check(const char *name, const char *width, const char *dtype)
{
    char path[512], one[512], other[512];
    snprintf(path, sizeof path, "%s", scratch_file("repacked.gguf"));
    snprintf(one, sizeof one, "%s", scratch_file("mapped.safetensors"));
    snprintf(other, sizeof other, "%s", scratch_file("repacked.safetensors"));
    succeeds(file_remove(path));
    make(name, width, dtype, path);
    for (int64_t count = 1; count <= MOST; count = 3 * count + 1) {
        char *expected, *found;
        size_t size, found_size;
        cadre_model_info mapped = run(path, false, count, one),
                         repacked = run(path, true, count, other);
        succeeds(file_read(one, SIZE_MAX, &expected, &size));
        succeeds(file_read(other, SIZE_MAX, &found, &found_size));
        assert_int_equal(size, found_size);
        if (memcmp(expected, found, size))
            fail_msg("%s of width %s in %s: other logits", name, width, dtype);
        assert_true(repacked.repack_bytes == mapped.repack_bytes &&
                    (REAL_IS_DOUBLE || mapped.repack_bytes > 0));
        assert_int_equal(repacked.copied_bytes, mapped.copied_bytes + mapped.repack_bytes);
        mem_free(expected);
        mem_free(found);
    }
}

static void the_same_bits(void **state)
{
    (void)state;
    check("qwen3-moe", "256", "q4_k_m");
    check("olmoe", "96", "q4_0");
    check("mixtral", "160", "q8_0");
    check("deepseek-v3", "256", "q6_k");
    check("olmoe", "256", "q5_k");
    check("gshard", "64", "mxfp4");
}

static void another_size_is_refused(void **state)
{
    cadre_context *context;
    cadre_model *model = NULL;
    (void)state;
    succeeds(cadre_context_new(1, NULL, &context));
    refuses(cadre_model_open_with(context, "nowhere", &(cadre_open_options){ .size = 1 }, &model),
        CADRE_EARGUMENT, "cadre_open_options");
    assert_null(model);
    cadre_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bits),
        cmocka_unit_test(another_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
