/* tokenizer_export_test.c - written as GGUF and as tokenizer.json, a tokenizer gives the same
 * ids. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/tokenizer_sample.h"
#include "text/tokenizer_export.h"
#include "text/tokenizer_gguf.h"
#include "text/tokenizer_parts.h"

static char path[] = "/tmp/cadre-export-XXXXXX";

static tokenizer *open_text(const char *json, size_t size)
{
    tokenizer *t = NULL;
    if (tokenizer_open_text(json, size, "sample", &t) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    return t;
}

/* with_json: the tokenizer.json goes with it. */
static tokenizer *through_gguf(tokenizer *t, bool with_json, int64_t rows)
{
    gguf_writer *w;
    gguf *file;
    tokenizer *made = NULL;
    if (!with_json) t->source.size = 0;
    unlink(path);
    assert_int_equal(gguf_writer_open(path, &w), CADRE_OK);
    const char *difference = NULL;
    if (tokenizer_put_gguf(t, &(tokenizer_model){ rows, -1, 2 }, w, &difference) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    assert_null(difference);
    if (with_json)
        assert_int_equal(
            gguf_writer_string(w, GGUF_TOKENIZER_JSON, t->source.data, t->source.size), CADRE_OK);
    assert_int_equal(gguf_writer_commit(w), CADRE_OK);
    assert_int_equal(gguf_open(path, &file), CADRE_OK);
    assert_int_equal(gguf_has(file, GGUF_TOKENIZER_JSON), with_json);
    if (tokenizer_from_gguf(file, &made) != CADRE_OK) fail_msg("%s", cadre_last_error());
    gguf_close(file);
    return made;
}

static tokenizer *through_json(const tokenizer *t)
{
    byte_buffer json = { 0 };
    if (tokenizer_write_json(t, &json) != CADRE_OK) fail_msg("%s", cadre_last_error());
    tokenizer *made = open_text(json.data, json.size);
    byte_buffer_free(&json);
    return made;
}

static void check_same(const tokenizer *a, const tokenizer *b)
{
    static const char text[] = "The experts' tokens <|endoftext|> <s>the</s> ther  12345 "
                               "r\xc3\xa4ther \xff \xe4\xb8\xad\n\n  x";
    token_list x = { 0 }, y = { 0 };
    assert_int_equal(
        tokenizer_encode(a, text, strlen(text), CADRE_ADD_SPECIAL | CADRE_PARSE_SPECIAL, &x),
        CADRE_OK);
    assert_int_equal(
        tokenizer_encode(b, text, strlen(text), CADRE_ADD_SPECIAL | CADRE_PARSE_SPECIAL, &y),
        CADRE_OK);
    assert_int_equal(x.count, y.count);
    assert_memory_equal(x.ids, y.ids, x.count * sizeof *x.ids);
    assert_int_equal(tokenizer_size(a), tokenizer_size(b));
    token_list_free(&x);
    token_list_free(&y);
}

static void check_sample(tokenizer_sample which, bool with_json)
{
    char *json = tokenizer_sample_text(which);
    tokenizer *first = open_text(json, strlen(json)), *again = open_text(json, strlen(json));
    tokenizer *back = through_gguf(again, with_json, tokenizer_size(first) + 20),
              *folder = through_json(back);
    assert_int_equal(tokenizer_eos(back), 2); /* the model knew it */
    check_same(first, back);
    check_same(first, folder);
    if (with_json) { /* byte for byte */
        assert_int_equal(back->source.size, strlen(json));
        assert_memory_equal(folder->source.data, json, strlen(json));
    }
    tokenizer_close(first);
    tokenizer_close(again);
    tokenizer_close(back);
    tokenizer_close(folder);
    mem_free(json);
}

static void test_there_and_back(void **state)
{
    (void)state;
    check_sample(SAMPLE_BYTE_LEVEL, false);
    check_sample(SAMPLE_BYTE_LEVEL, true);
    check_sample(SAMPLE_SENTENCEPIECE, false);
    check_sample(SAMPLE_SENTENCEPIECE, true);
}

static void check_refused(
    tokenizer_sample which, int64_t rows, cadre_status expected, const char *words)
{
    char *json = tokenizer_sample_text(which);
    tokenizer *t = open_text(json, strlen(json));
    gguf_writer *w;
    unlink(path);
    assert_int_equal(gguf_writer_open(path, &w), CADRE_OK);
    const char *difference;
    assert_int_equal(
        tokenizer_put_gguf(t, &(tokenizer_model){ rows, -1, -1 }, w, &difference), expected);
    assert_non_null(strstr(cadre_last_error(), words));
    gguf_writer_discard(w);
    tokenizer_close(t);
    mem_free(json);
}

static void test_refused(void **state)
{
    (void)state;
    /* No published model composes before this pattern */
    check_refused(SAMPLE_PATTERNS, 1000, CADRE_EUNSUPPORTED, "has no name");
    check_refused(SAMPLE_BYTE_LEVEL, 200, CADRE_EMISMATCH, "expected at most 200 pieces");
}

static void test_unigram(void **state)
{
    (void)state;
    char *json = tokenizer_sample_text(SAMPLE_UNIGRAM);
    tokenizer *t = open_text(json, strlen(json)), *back = NULL;
    gguf_writer *w;
    gguf *file;
    gguf_array scores, map;
    const char *difference;
    unlink(path);
    assert_int_equal(gguf_writer_open(path, &w), CADRE_OK);
    if (tokenizer_put_gguf(t, &(tokenizer_model){ 100, -1, -1 }, w, &difference) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    assert_int_equal(gguf_writer_commit(w), CADRE_OK);
    assert_int_equal(gguf_open(path, &file), CADRE_OK);
    assert_int_equal(gguf_get_array(file, "tokenizer.ggml.scores", &scores), CADRE_OK);
    assert_int_equal(gguf_get_array(file, "tokenizer.ggml.precompiled_charsmap", &map), CADRE_OK);
    assert_int_equal(scores.count, 100);
    assert_int_equal(map.count, 4 + 1024 + 1);
    /* Without the tokenizer.json that goes along */
    assert_int_equal(tokenizer_from_gguf(file, &back), CADRE_EUNSUPPORTED);
    gguf_close(file);
    tokenizer_close(t);
    mem_free(json);
}

/* The sample, once one part of its text has become another. */
static void check_difference(const char *from, const char *to, const char *words)
{
    char *json = tokenizer_sample_text(SAMPLE_SENTENCEPIECE), *at = strstr(json, from);
    assert_non_null(at);
    char *changed = mem_printf("%.*s%s%s", (int)(at - json), json, to, at + strlen(from));
    tokenizer *t = open_text(changed, strlen(changed));
    gguf_writer *w;
    const char *difference = NULL;
    unlink(path);
    assert_int_equal(gguf_writer_open(path, &w), CADRE_OK);
    assert_int_equal(
        tokenizer_put_gguf(t, &(tokenizer_model){ 1000, -1, -1 }, w, &difference), CADRE_OK);
    assert_non_null(difference);
    assert_non_null(strstr(difference, words));
    gguf_writer_discard(w);
    tokenizer_close(t);
    mem_free(changed);
    mem_free(json);
}

static void test_differences(void **state)
{
    (void)state;
    check_difference("[\"th\",\"e\"],", "", "merged by scores");
    check_difference("\"lstrip\":false", "\"lstrip\":true", "beside them");
    check_difference("\"normalized\":false", "\"normalized\":true", "normalized text");
    check_difference("{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}",
        "{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":"
        "0}}",
        "more than one id");
}

static void test_config(void **state)
{
    (void)state;
    byte_buffer json = { 0 };
    tokenizer_config config = { .bos = { "<s>", 3 },
        .eos = { "</s>", 4 },
        .pad = { "<pad>", 5 },
        .chat = { "{{ x }}", 7 },
        .context = 256 };
    assert_int_equal(tokenizer_write_config(&config, &json), CADRE_OK);
    assert_non_null(strstr(json.data, "\"chat_template\": \"{{ x }}\""));
    assert_non_null(strstr(json.data, "\"tokenizer_class\": \"PreTrainedTokenizerFast\""));
    assert_non_null(strstr(json.data, "\"bos_token\": \"<s>\""));
    assert_non_null(strstr(json.data, "\"eos_token\": \"</s>\""));
    assert_non_null(strstr(json.data, "\"pad_token\": \"<pad>\""));
    assert_non_null(strstr(json.data, "\"model_max_length\": 256"));
    byte_buffer_free(&json);
    assert_int_equal(tokenizer_write_config(&(tokenizer_config){ 0 }, &json), CADRE_OK);
    assert_null(strstr(json.data, "bos_token"));
    assert_null(strstr(json.data, "model_max_length"));
    byte_buffer_free(&json);
}

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    return file_remove(path) != CADRE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unigram),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
