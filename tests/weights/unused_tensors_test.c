/* unused_tensors_test.c - which tensors a model's file may have beside those that the model is made
 * of, and how the others are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static cadre_context *context;

static int open_context(void **state)
{
    (void)state;
    return cadre_context_new(1, NULL, &context) != CADRE_OK;
}

static int close_context(void **state)
{
    (void)state;
    cadre_context_free(context);
    return 0;
}

static const char *in(const char *folder, const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A folder of a model with random weights, of two layers. */
static void make(const char *name, bool tie, char *folder, size_t room)
{
    cadre_options *o = small_options(name);
    snprintf(folder, room, "%s", scratch_file("model"));
    if (tie) small_set(o, "tie", "yes");
    succeeds(cadre_init(context, o, NULL, "f32", folder, NULL));
    cadre_options_free(o);
}

/* Adds tensors of so many numbers to the folder's weights. names: ended by NULL. */
static void add(const char *folder, const char *const *names, int64_t numbers)
{
    safetensors *file;
    safetensors_writer *w;
    const float zeros[16] = { 0 };
    succeeds(safetensors_open(in(folder, "model.safetensors"), &file));
    succeeds(safetensors_writer_open(in(folder, "more.safetensors"), false, &w));
    succeeds(safetensors_writer_metadata(w, "format", "pt"));
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const safetensors_tensor *t = safetensors_at(file, i);
        succeeds(safetensors_writer_declare(w, t->name, t->dtype, t->rank, t->shape));
    }
    for (int i = 0; names[i]; i++)
        succeeds(safetensors_writer_declare(w, names[i], "F32", 1, &numbers));
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const safetensors_tensor *t = safetensors_at(file, i);
        succeeds(safetensors_writer_put(w, t->data, t->size));
    }
    for (int i = 0; names[i]; i++)
        succeeds(safetensors_writer_put(w, zeros, (size_t)numbers * sizeof *zeros));
    succeeds(safetensors_writer_commit(w));
    safetensors_close(file);
    char from[1024];
    snprintf(from, sizeof from, "%s", in(folder, "more.safetensors"));
    assert_int_equal(rename(from, in(folder, "model.safetensors")), 0);
}

/* The model with these tensors too: opened, where `phrase` is NULL, or refused. */
static void with(const char *name, bool tie, const char *const *names, const char *phrase)
{
    char folder[512];
    cadre_model *model;
    make(name, tie, folder, sizeof folder);
    add(folder, names, 4);
    if (!phrase) {
        succeeds(cadre_model_open(context, folder, &model));
        cadre_model_close(model);
    } else {
        refuses(cadre_model_open(context, folder, &model), CADRE_EUNSUPPORTED, phrase);
    }
    small_remove(folder);
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void unknown(void **state)
{
    (void)state;
    with("olmoe", false, NAMES("extra.weight"),
        "extra.weight: expected no tensor of this name in a model of type olmoe, found one");
    with("olmoe", false, NAMES("model.layers.1.mlp.extra.weight"),
        "model.layers.1.mlp.extra.weight: expected no tensor of this name");
    with("olmoe", false, NAMES("rope_freqs.weight"), "rope_freqs.weight: expected no tensor");
    with("olmoe", false, NAMES("output.weight"), "output.weight: expected no tensor");
    with("olmoe", false, NAMES("shared.weight"), "shared.weight: expected no tensor");
    with("olmoe", false, NAMES("model.layers.0.attn_kv_b.weight"), "expected no tensor");
}

static void a_layer_too_many(void **state)
{
    (void)state;
    with("olmoe", false, NAMES("model.layers.2.mlp.gate.weight"),
        "model.layers.2.mlp.gate.weight: expected the tensors of 2 layers, as the configuration "
        "says, found a layer 2");
    with("olmoe", false, NAMES("model.layers.11.mlp.gate.weight"), "found a layer 11");
    /* of a layer that predicts further tokens, and of one behind it, which does not */
    with("olmoe", false, NAMES("model.layers.2.eh_proj.weight", "model.layers.2.mlp.gate.weight"),
        NULL);
    with("olmoe", false, NAMES("model.layers.2.eh_proj.weight", "model.layers.3.mlp.gate.weight"),
        "found a layer 3");
}

static void repeated_or_derived(void **state)
{
    (void)state;
    with("olmoe", false, NAMES("model.layers.0.self_attn.rotary_emb.inv_freq"), NULL);
    with("olmoe", true, NAMES("output.weight"), NULL);
    with("olmoe", true, NAMES("lm_head.bias"), "lm_head.bias: expected no tensor");
    with("switch-t5", false, NAMES("encoder.embed_tokens.weight"), NULL);
    with("switch-t5", false, NAMES("decoder.embed_tokens.weight"), NULL);
    with("switch-t5", false, NAMES("encoder.extra.weight"), "encoder.extra.weight: expected no");
}

/* A tensor without numbers is nobody's. */
static void empty(void **state)
{
    (void)state;
    char folder[512];
    cadre_model *model;
    make("olmoe", false, folder, sizeof folder);
    add(folder, NAMES("extra.weight"), 0);
    succeeds(cadre_model_open(context, folder, &model));
    cadre_model_close(model);
    small_remove(folder);
}

/* Layers that config.json announces as predicting need no sign of their own. */
static void announced(void **state)
{
    (void)state;
    static const char key[] = "\"num_nextn_predict_layers\": 0";
    char folder[512], *text;
    size_t size;
    cadre_model *model;
    make("deepseek-v3", false, folder, sizeof folder);
    add(folder, NAMES("model.layers.2.mlp.extra.weight"), 4);
    refuses(cadre_model_open(context, folder, &model), CADRE_EUNSUPPORTED, "found a layer 2");
    succeeds(file_read(in(folder, "config.json"), 1 << 16, &text, &size));
    char *at = strstr(text, key);
    char *made = at ? mem_printf("%.*s\"num_nextn_predict_layers\": 1%s", (int)(at - text), text,
                          at + sizeof key - 1)
                    : mem_printf("{\"num_nextn_predict_layers\": 1,%s", strchr(text, '{') + 1);
    succeeds(file_write(in(folder, "config.json"), made, strlen(made)));
    succeeds(cadre_model_open(context, folder, &model));
    cadre_model_close(model);
    mem_free(made);
    mem_free(text);
    small_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown),
        cmocka_unit_test(a_layer_too_many),
        cmocka_unit_test(repeated_or_derived),
        cmocka_unit_test(empty),
        cmocka_unit_test(announced),
    };
    return cmocka_run_group_tests_name("tensors left over", tests, open_context, close_context);
}
