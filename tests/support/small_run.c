/* small_run.c - small training runs. */
#include "support/small_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "format/hash.h"
#include "support/scratch.h"
#include "support/succeeds.h"

void small_set(cadre_options *o, const char *name, const char *value)
{
    if (cadre_options_set(o, name, value) != CADRE_OK) fail_msg("%s", cadre_last_error());
}

cadre_options *small_options(const char *name)
{
    static const char *const sizes[][2] = { { "layers", "2" }, { "width", "16" }, { "heads", "2" },
        { "experts", "8" }, { "topk", "2" }, { "expert-width", "12" }, { "vocab", "512" },
        { "context", "16" }, { "batch", "4" }, { "dense-width", "24" }, { "steps", "6" },
        { "seed", "3" } };
    cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options() };
    cadre_options *o;
    assert_int_equal(cadre_options_new(tables, 4, &o), CADRE_OK);
    if (!name) return o;
    const recipe *r = recipe_by_name(name);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bool experts = strstr(sizes[i][0], "expert") || !strcmp(sizes[i][0], "topk");
        if (!experts || !r->dense) small_set(o, sizes[i][0], sizes[i][1]);
    }
    small_set(o, "recipe", name);
    if (!strncmp(name, "switch", 6)) small_set(o, "topk", "1");
    if (!strcmp(name, "switch-t5")) small_set(o, "expert-width", "24");
    return o;
}

const char *small_text(const char *name, int64_t size)
{
    static const char *const words[] = { "expert", "router", "token", "layer", "the", "of", "and",
        "gate", "load", "a", "is", "mixture" };
    random_key key = random_key_of(1, name, 0, 0);
    char *text = mem_alloc((size_t)size + 32, 1);
    assert_non_null(text);
    for (int64_t at = 0, i = 0; at < size; i++)
        at += sprintf(
            text + at, "%s%c", words[random_bits(key, (uint64_t)i) % 12], i % 9 == 8 ? '\n' : ' ');
    const char *path = scratch_file(name);
    assert_int_equal(file_write(path, text, (size_t)size), CADRE_OK);
    mem_free(text);
    return path;
}

void small_train(cadre_options *o, int threads, cadre_status expected)
{
    cadre_context *context;
    cadre_train_summary summary = { .size = sizeof summary };
    assert_int_equal(cadre_context_new(threads, NULL, &context), CADRE_OK);
    cadre_status status = cadre_train(context, o, NULL, &summary);
    if (status != expected)
        fail_msg("training ended with %d (%s), expected %d", status, cadre_last_error(), expected);
    cadre_context_free(context);
}

void small_model_make(const char *tokens)
{
    cadre_options *o = small_options("olmoe");
    small_set(o, "steps", "2");
    if (tokens) small_set(o, "context", tokens);
    small_set(o, "data", small_text("texts", 6000));
    small_set(o, "out", scratch_file("model"));
    small_train(o, 1, CADRE_OK);
    cadre_options_free(o);
}

void small_model_open(const char *tokens, cadre_context **context, cadre_model **model)
{
    small_model_make(tokens);
    succeeds(cadre_context_new(1, NULL, context));
    succeeds(cadre_model_open(*context, scratch_file("model"), model));
}

void small_model_close(cadre_context *context, cadre_model *model)
{
    cadre_model_close(model);
    cadre_context_free(context);
    small_remove(scratch_file("model"));
}

uint64_t small_hash(const char *folder, const char *file)
{
    char path[4096];
    hash128 hash;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (hash_file(path, &hash) != CADRE_OK) fail_msg("%s", cadre_last_error());
    return hash.low;
}

void small_remove(const char *folder)
{
    char **names;
    int count;
    if (!file_is_folder(folder)) return;
    assert_int_equal(file_list(folder, &names, &count), CADRE_OK);
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, names[i]);
        if (file_is_folder(path)) small_remove(path);
        else unlink(path);
        mem_free(path);
    }
    file_list_free(names, count);
    rmdir(folder);
}
