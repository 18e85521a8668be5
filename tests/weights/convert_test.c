/* convert_test.c - folder to GGUF to folder: the same bits all the way, from the standard keys
 * alone wherever they can say the model, nothing overwritten, nothing left by a conversion that was
 * stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "cadre.h"
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

/* ---- the same bits ---- */

static void remove_files(const char *folder)
{
    static const char *const names[] = { "config.json", "generation_config.json",
        "model.safetensors", "tokenizer.json", "tokenizer_config.json" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
    remove(folder);
}

/* Under another name, a key is not seen. */
static void hide_config(const char *path)
{
    static const char key[] = "cadre.config";
    char *text;
    size_t size;
    succeeds(file_read(path, (size_t)1 << 30, &text, &size));
    for (size_t i = 0; i + sizeof key <= size; i++)
        if (!memcmp(text + i, key, sizeof key - 1)) {
            text[i] = 'x';
            break;
        }
    succeeds(file_write(path, text, size));
    cadre_free(text);
}

typedef struct conversion_case {
    const char *name;
    bool keys_say_all; /* GGUF's own keys can express this configuration */
} conversion_case;

static void there_and_back(void **state)
{
    const conversion_case *c = *state;
    char name[128], folder[4096], gguf[4096], back[4096];
    snprintf(name, sizeof name, "models/%s", c->name);
    snprintf(folder, sizeof folder, "%s", oracle_path(name));
    snprintf(gguf, sizeof gguf, "%s", scratch_file("model.gguf"));
    snprintf(back, sizeof back, "%s", scratch_file("back"));
    succeeds(cadre_convert(context, folder, gguf, "f32", NULL, NULL));
    assert_true(same_logits(context, folder, gguf));
    succeeds(cadre_convert(context, gguf, back, NULL, NULL, NULL));
    assert_true(same_logits(context, folder, back));
    assert_int_equal(cadre_convert(context, folder, gguf, NULL, NULL, NULL), CADRE_EEXISTS);
    assert_int_equal(cadre_convert(context, gguf, back, NULL, NULL, NULL), CADRE_EEXISTS);
    if (c->keys_say_all) {
        hide_config(gguf);
        assert_true(same_logits(context, folder, gguf));
    }
    remove(gguf);
    remove_files(back);
}

/* ---- stopping ---- */

static void stop(void *arg, int64_t done, int64_t total)
{
    (void)arg, (void)total;
    if (done) cadre_interrupt();
}

static void leaves_nothing_when_stopped(void **state)
{
    (void)state;
    char folder[4096];
    const cadre_output_listener listener = { .size = sizeof listener, .progress = stop };
    snprintf(folder, sizeof folder, "%s", oracle_path("models/mixtral"));
    assert_int_equal(
        cadre_convert(context, folder, scratch_file("stopped.gguf"), NULL, NULL, &listener),
        CADRE_EINTERRUPTED);
    cadre_interrupt_clear();
    assert_false(file_exists(scratch_file("stopped.gguf")));
    assert_int_equal(cadre_convert(context, folder, scratch_file("stopped"), NULL, NULL, &listener),
        CADRE_EINTERRUPTED);
    cadre_interrupt_clear();
    assert_false(file_exists(scratch_file("stopped")));
}

static void refuses_what_gguf_has_no_form_for(void **state)
{
    (void)state;
    const char *folder = oracle_path("models/switch");
    assert_int_equal(cadre_convert(context, folder, scratch_file("switch.gguf"), NULL, NULL, NULL),
        CADRE_EUNSUPPORTED);
    assert_non_null(strstr(cadre_last_error(), "switch_transformers"));
    assert_false(file_exists(scratch_file("switch.gguf")));
}

int main(void)
{
    static const conversion_case cases[] = {
        { "llama", true },
        { "mixtral", true },
        { "mixtral_bf16", true },
        { "qwen2_moe", true },
        { "qwen3", true },
        { "qwen3_moe", true },
        { "qwen3_moe_sharded", false },
        { "olmoe", true },
        { "olmoe_v5", false },
        { "deepseek", true },
        { "deepseek_v2", false },
        { "deepseek_v2_lite", true },
        { "deepseek_v3", true },
        { "deepseek_v3_fp8", true },
        { "gpt_oss", true },
        { "gpt_oss_mxfp4", true },
        { "granitemoe", true },
        { "glm4_moe", true },
        { "grok", true },
    };
    enum { CASES = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[CASES + 2] = { { .name = "nothing is left",
                                               .test_func = leaves_nothing_when_stopped },
        { .name = "no form", .test_func = refuses_what_gguf_has_no_form_for } };
    for (size_t i = 0; i < CASES; i++)
        tests[i + 2] = (struct CMUnitTest){ .name = cases[i].name,
            .test_func = there_and_back,
            .initial_state = (void *)(uintptr_t)&cases[i] };
    return _cmocka_run_group_tests("convert", tests, CASES + 2, begin, end);
}
