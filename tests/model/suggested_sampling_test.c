/* suggested_sampling_test.c - sampling as a model's folder or GGUF says: what is there replaces,
 * what is not stays, what cannot be is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "format/gguf.h"
#include "model/model.h"
#include "support/scratch.h"
#include "support/succeeds.h"

static const cadre_sampling unsaid = { .size = sizeof unsaid,
    .temperature = 9,
    .top_k = 8,
    .top_p = 0.7,
    .min_p = 0.6,
    .repetition_penalty = 5,
    .seed = 4 };

static void folder_says(const char *json)
{
    succeeds(file_write(scratch_file("generation_config.json"), json, strlen(json)));
}

static cadre_status read_folder(cadre_sampling *s, bool *said)
{
    cadre_model model = { .path = (char *)(uintptr_t)scratch_folder() };
    *s = unsaid;
    return cadre_model_sampling(&model, s, said);
}

static void a_folder_says(void **state)
{
    (void)state;
    cadre_sampling s;
    bool said;
    folder_says("{\"do_sample\": true, \"temperature\": 0.6, \"top_k\": 20, \"top_p\": 0.95, "
                "\"min_p\": 0.05, \"repetition_penalty\": 1.05, \"eos_token_id\": [1, 2]}");
    succeeds(read_folder(&s, &said));
    assert_true(said);
    assert_true(s.temperature == 0.6 && s.top_k == 20 && s.top_p == 0.95 && s.min_p == 0.05);
    assert_true(s.repetition_penalty == 1.05 && s.seed == 4);
    folder_says("{\"top_p\": 0.5, \"temperature\": null, \"top_k\": -1}");
    succeeds(read_folder(&s, &said));
    assert_true(said && s.temperature == 9 && s.top_p == 0.5 && s.top_k == 0 && s.min_p == 0.6);
}

static void no_sampling_is_greedy(void **state)
{
    (void)state;
    cadre_sampling s;
    bool said;
    folder_says("{\"do_sample\": false, \"temperature\": 0.6}");
    succeeds(read_folder(&s, &said));
    assert_true(said && s.temperature == 0);
}

static void nothing_said_changes_nothing(void **state)
{
    (void)state;
    cadre_sampling s;
    bool said = true;
    folder_says("{\"eos_token_id\": 1, \"temperature\": null}");
    succeeds(read_folder(&s, &said));
    assert_false(said);
    assert_memory_equal(&s, &unsaid, sizeof s);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{\"temperature\": -1}",
        "{\"top_p\": 1.5}",
        "{\"top_k\": 2.5}",
        "{\"min_p\": \"x\"}",
        "{\"do_sample\": 3}",
        "{\"repetition_penalty\": 0}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cadre_sampling s;
        bool said;
        folder_says(wrong[i]);
        assert_int_equal(read_folder(&s, &said), CADRE_EFORMAT);
        assert_non_null(strstr(cadre_last_error(), "generation_config.json"));
        assert_memory_equal(&s, &unsaid, sizeof s);
    }
}

static void a_gguf_says_one_thing(void **state)
{
    (void)state;
    static const char *const keys[] = { "general.sampling.top_k", "general.sampling.min_p",
        "other" };
    for (int i = 0; i < 3; i++) {
        const char *path = scratch_file("one.gguf");
        gguf_writer *w;
        gguf *file;
        succeeds(gguf_writer_open(path, &w));
        if (i == 1) succeeds(gguf_writer_real(w, keys[i], 0.5));
        else succeeds(gguf_writer_int(w, keys[i], GGUF_I32, 3));
        succeeds(gguf_writer_commit(w));
        succeeds(gguf_open(path, &file));
        cadre_model model = { .path = (char *)(uintptr_t)path, .file = { .gguf = file } };
        cadre_sampling s = unsaid;
        bool said;
        succeeds(cadre_model_sampling(&model, &s, &said));
        assert_true(said == (i < 2) && s.top_k == (i ? 8 : 3) && s.min_p == (i == 1 ? 0.5 : 0.6));
        gguf_close(file);
    }
}

static void a_gguf_says(void **state)
{
    (void)state;
    const char *path = scratch_file("says.gguf");
    gguf_writer *w;
    gguf *file;
    succeeds(gguf_writer_open(path, &w));
    succeeds(gguf_writer_int(w, "general.sampling.top_k", GGUF_I32, 40));
    succeeds(gguf_writer_real(w, "general.sampling.temp", 0.5));
    succeeds(gguf_writer_real(w, "general.sampling.penalty_repeat", 1.25));
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &file));
    cadre_model model = { .path = (char *)(uintptr_t)path, .file = { .gguf = file } };
    cadre_sampling s = unsaid;
    bool said;
    succeeds(cadre_model_sampling(&model, &s, &said));
    assert_true(said && s.top_k == 40 && s.temperature == 0.5 && s.repetition_penalty == 1.25);
    assert_true(s.top_p == 0.7 && s.min_p == 0.6);
    gguf_close(file);
}

static void words_of_what_draws(void **state)
{
    (void)state;
    char text[128], narrow[8];
    cadre_sampling s = cadre_sampling_default();
    cadre_sampling_words(&s, text, sizeof text);
    assert_string_equal(text, "temperature 1");
    cadre_sampling_words(&unsaid, text, sizeof text);
    assert_string_equal(text, "temperature 9, top-k 8, top-p 0.7, min-p 0.6, repetition-penalty 5");
    cadre_sampling_words(&unsaid, narrow, sizeof narrow);
    assert_string_equal(narrow, "tempera");
    s.temperature = 0, s.top_k = 3;
    cadre_sampling_words(&s, text, sizeof text);
    assert_string_equal(text, "greedy");
    s.repetition_penalty = 1.5;
    cadre_sampling_words(&s, text, sizeof text);
    assert_string_equal(text, "greedy, repetition-penalty 1.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_says),
        cmocka_unit_test(no_sampling_is_greedy),
        cmocka_unit_test(nothing_said_changes_nothing),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_gguf_says),
        cmocka_unit_test(words_of_what_draws),
        cmocka_unit_test(a_gguf_says_one_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
