/* companions_test.c - the files beside a model go along unchanged, and GGUF's keys of sampling are
 * those of generation_config.json. */
#include "weights/companions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static const model_config ids = { .bos = 1, .eos = 2, .pad = 3, .vocab = 8 };

static const char *in(const char *folder, const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *folder, const char *name, const char *text)
{
    succeeds(file_write(in(folder, name), text, strlen(text)));
}

/* The file's text, or NULL; mem_free. */
static char *text_of(const char *folder, const char *name)
{
    char *text = NULL;
    size_t size;
    const char *path = in(folder, name);
    if (file_exists(path)) succeeds(file_read(path, 1 << 16, &text, &size));
    return text;
}

static void holds(const char *folder, const char *name, const char *expected)
{
    char *text = text_of(folder, name);
    if (!expected) assert_null(text);
    else assert_string_equal(text, expected);
    mem_free(text);
}

static void folders(char *from, char *to, size_t room)
{
    snprintf(from, room, "%s", scratch_file("from"));
    snprintf(to, room, "%s", scratch_file("to"));
    succeeds(file_make_folder(from));
    succeeds(file_make_folder(to));
}

static void remove_folders(const char *from, const char *to)
{
    small_remove(from);
    small_remove(to);
}

static void a_folder_to_a_folder(void **state)
{
    (void)state;
    static const char generation[] = "{\"temperature\": 0.5,\n \"odd\": [1]}";
    char from[512], to[512];
    companions c;
    folders(from, to, sizeof from);
    put_file(from, "generation_config.json", generation);
    put_file(from, "special_tokens_map.json", "{\"a\": 1}");
    put_file(from, "chat_template.jinja", "{{ messages }}");
    put_file(from, "chat_template.json", "{\"chat_template\": \"x\"}");
    put_file(from, "tokenizer_config.json", "{\"extra\": 7}");
    put_file(from, "other.json", "{}");
    succeeds(companions_read(from, NULL, &ids, &c));
    assert_string_equal(c.tokenizer_config.data, "{\"extra\": 7}");
    succeeds(companions_write(&c, &ids, to));
    succeeds(companions_write_tokenizer(&c, &ids, NULL, 77, to));
    holds(to, "generation_config.json", generation);
    holds(to, "special_tokens_map.json", "{\"a\": 1}");
    holds(to, "chat_template.jinja", "{{ messages }}");
    holds(to, "chat_template.json", "{\"chat_template\": \"x\"}");
    holds(to, "other.json", NULL);
    char *config = text_of(to, "tokenizer_config.json");
    assert_non_null(strstr(config, "\"extra\": 7"));
    assert_non_null(strstr(config, "77")); /* the context */
    mem_free(config);
    companions_free(&c);
    remove_folders(from, to);
}

static void nothing_is_there(void **state)
{
    (void)state;
    char from[512], to[512];
    companions c;
    const model_config none = { .bos = -1, .eos = -1, .pad = -1 };
    folders(from, to, sizeof from);
    succeeds(companions_read(from, NULL, &ids, &c));
    assert_int_equal(c.generation.size, 0);
    succeeds(companions_write(&c, &ids, to));
    holds(to, "generation_config.json",
        "{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2,\n  \"pad_token_id\": 3\n}\n");
    succeeds(companions_write(&c, &none, to));
    holds(to, "generation_config.json", "{}\n");
    succeeds(companions_write_tokenizer(&c, &ids, NULL, 5, to));
    holds(to, "special_tokens_map.json", NULL);
    companions_free(&c);
    /* nor of a path that is no folder */
    put_file(from, "file", "x");
    succeeds(companions_read(in(from, "file"), NULL, &ids, &c));
    assert_null(c.folder);
    companions_free(&c);
    remove_folders(from, to);
}

/* ---- GGUF ---- */

/* What companions_read makes of a GGUF file that `put` writes keys to; the text; mem_free. */
static char *through_gguf(const companions *put, void (*keys)(gguf_writer *w))
{
    char path[512];
    gguf_writer *w;
    gguf *file;
    companions c;
    snprintf(path, sizeof path, "%s", scratch_file("keys.gguf"));
    succeeds(gguf_writer_open(path, &w));
    if (put) succeeds(companions_put_gguf(put, w));
    if (keys) keys(w);
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &file));
    succeeds(companions_read("never read", file, &ids, &c));
    assert_null(c.folder);
    char *text = mem_printf(
        "%.*s", (int)c.generation.size, c.generation.size ? (const char *)c.generation.data : "");
    companions_free(&c);
    gguf_close(file);
    succeeds(file_remove(path));
    return text;
}

static void text_goes_along(void **state)
{
    (void)state;
    static const char text[] = "{\"temperature\": 0.25,  \"odd\": [1]}";
    companions c = { 0 };
    byte_buffer_text(&c.generation, text);
    char *back = through_gguf(&c, NULL);
    assert_string_equal(back, text);
    mem_free(back);
    companions_free(&c);
    char *nothing = through_gguf(&(companions){ 0 }, NULL);
    assert_string_equal(nothing, "");
    mem_free(nothing);
}

static void put_all_keys(gguf_writer *w)
{
    succeeds(gguf_writer_real(w, "general.sampling.temp", 0.5));
    succeeds(gguf_writer_int(w, "general.sampling.top_k", GGUF_I32, 20));
    succeeds(gguf_writer_real(w, "general.sampling.top_p", 0.75));
    succeeds(gguf_writer_real(w, "general.sampling.min_p", 0.125));
    succeeds(gguf_writer_real(w, "general.sampling.penalty_repeat", 1.5));
}

static void put_one_key(gguf_writer *w)
{
    succeeds(gguf_writer_real(w, "general.sampling.min_p", 0.125));
}

static void keys_become_a_file(void **state)
{
    (void)state;
    char *text = through_gguf(NULL, put_all_keys);
    assert_string_equal(text,
        "{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2,\n  \"pad_token_id\": 3,\n"
        "  \"do_sample\": true,\n  \"temperature\": 0.5,\n  \"top_k\": 20,\n  \"top_p\": 0.75,\n"
        "  \"min_p\": 0.125,\n  \"repetition_penalty\": 1.5\n}\n");
    mem_free(text);
    text = through_gguf(NULL, put_one_key);
    assert_string_equal(text,
        "{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2,\n  \"pad_token_id\": 3,\n"
        "  \"do_sample\": true,\n  \"min_p\": 0.125\n}\n");
    mem_free(text);
}

/* Other programs read the keys, which are written beside the text. */
static void a_file_becomes_keys(void **state)
{
    (void)state;
    char path[512];
    gguf_writer *w;
    gguf *file;
    double value = 0;
    int64_t count = 0;
    companions c = { 0 };
    byte_buffer_text(&c.generation,
        "{\"temperature\": 0.25, \"top_k\": 7, \"top_p\": \"no number\", \"odd\": 1}");
    snprintf(path, sizeof path, "%s", scratch_file("written.gguf"));
    succeeds(gguf_writer_open(path, &w));
    succeeds(companions_put_gguf(&c, w));
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &file));
    succeeds(gguf_opt_real(file, "general.sampling.temp", -1, 1, &value));
    assert_true(value == 0.25);
    succeeds(gguf_get_int(file, "general.sampling.top_k", 0, 99, &count));
    assert_int_equal(count, 7);
    assert_false(gguf_has(file, "general.sampling.top_p"));
    assert_false(gguf_has(file, "general.sampling.min_p"));
    gguf_close(file);
    companions_free(&c);
    succeeds(file_remove(path));
}

static void put_a_word(gguf_writer *w)
{
    succeeds(gguf_writer_string(w, "general.sampling.temp", "hot", 3));
}

static void refusals(void **state)
{
    (void)state;
    char path[512];
    gguf_writer *w;
    gguf *file;
    companions c = { 0 };
    snprintf(path, sizeof path, "%s", scratch_file("word.gguf"));
    succeeds(gguf_writer_open(path, &w));
    put_a_word(w);
    byte_buffer_text(&c.generation, "{");
    refuses(companions_put_gguf(&c, w), CADRE_EFORMAT, "generation_config.json");
    succeeds(gguf_writer_commit(w));
    companions_free(&c);
    succeeds(gguf_open(path, &file));
    refuses(companions_read("", file, &ids, &c), CADRE_EFORMAT, "general.sampling.temp");
    gguf_close(file);
    succeeds(file_remove(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_to_a_folder),
        cmocka_unit_test(nothing_is_there),
        cmocka_unit_test(text_goes_along),
        cmocka_unit_test(keys_become_a_file),
        cmocka_unit_test(a_file_becomes_keys),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("files beside a model", tests, NULL, NULL);
}
