/* grown.c - making, opening and removing small models. */
#include "support/grown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "support/family.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static void make(
    cadre_context *context, const char *name, const char *seed, const char *config, size_t size)
{
    char path[4200];
    cadre_options *o = small_options(NULL);
    small_set(o, "seed", seed);
    snprintf(path, sizeof path, "%s", scratch_file("config.json"));
    succeeds(file_write(path, config, size));
    grown_remove(name);
    succeeds(cadre_init(context, o, path, NULL, scratch_file(name), NULL));
    cadre_options_free(o);
    remove(path);
}

void grown_dense(cadre_context *context, const char *name, const char *type, const char *members)
{
    char text[1024];
    int size = snprintf(text, sizeof text,
        "{\"model_type\": \"%s\", %s \"vocab_size\": 64, \"hidden_size\": 16, "
        "\"num_hidden_layers\": 3, \"num_attention_heads\": 2, \"num_key_value_heads\": 1, "
        "\"intermediate_size\": 48, \"rms_norm_eps\": 1e-5, \"initializer_range\": 0.2, "
        "\"max_position_embeddings\": 64, \"tie_word_embeddings\": false}",
        type, members);
    make(context, name, "1", text, (size_t)size);
}

void grown_family(cadre_context *context, const char *name, const char *type, const char *members,
    const char *seed)
{
    char text[256];
    snprintf(text, sizeof text, "\"initializer_range\": 0.3%s%s", *members ? ", " : "", members);
    const char *config = family_text(type, text, NULL);
    make(context, name, seed, config, strlen(config));
}

cadre_options *grown_options(cadre_option_table table, const char *typed)
{
    const cadre_option_table tables[] = { cadre_run_options(), table };
    cadre_options *o;
    char words[512], *rest = words;
    snprintf(words, sizeof words, "%s", typed);
    succeeds(cadre_options_new(tables, 2, &o));
    for (char *name; (name = strtok_r(rest, " ", &rest));)
        small_set(o, name + 2, strtok_r(rest, " ", &rest));
    return o;
}

safetensors *grown_open(const char *name)
{
    safetensors *file;
    succeeds(safetensors_open(scratch_file(name), &file));
    return file;
}

const float *grown_floats(const safetensors *file, const char *format, ...)
{
    char name[256];
    va_list values;
    va_start(values, format);
    vsnprintf(name, sizeof name, format, values);
    va_end(values);
    const safetensors_tensor *t = safetensors_find(file, name);
    if (!t) fail_msg("no tensor %s", name);
    assert_string_equal(t->dtype, "F32");
    assert_int_equal((uintptr_t)t->data % sizeof(float), 0);
    return (const float *)(const void *)t->data;
}

void grown_remove(const char *name) { small_remove(scratch_file(name)); }
