/* tokenizer_test.c - ids and texts of the published tokenizers, control tokens, streams, failing
 * allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "support/oracle.h"
#include "support/tokenizer_sample.h"
#include "text/tokenizer.h"

enum { AS_FILE = CADRE_ADD_SPECIAL | CADRE_PARSE_SPECIAL };

static tokenizer *open_path(const char *path)
{
    tokenizer *t = NULL;
    if (tokenizer_open(path, &t) != CADRE_OK) fail_msg("%s", cadre_last_error());
    return t;
}

static tokenizer *open_sample(tokenizer_sample which)
{
    tokenizer *t = NULL;
    char *json = tokenizer_sample_text(which);
    if (tokenizer_open_text(json, strlen(json), "sample", &t) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    mem_free(json);
    return t;
}

static void check_ids(const char *name, const char *text, const token_list *ids,
    const int32_t *expected, size_t count)
{
    if (ids->count == count &&
        (count == 0 || memcmp(ids->ids, expected, count * sizeof *expected) == 0))
        return;
    print_error("%s: \"%s\": expected", name, text);
    for (size_t i = 0; i < count; i++) print_error(" %d", expected[i]);
    print_error(", found");
    for (size_t i = 0; i < ids->count; i++) print_error(" %d", ids->ids[i]);
    fail_msg("%s", name);
}

static void check_text(const tokenizer *t, const char *name, const char *text, size_t size,
    unsigned flags, const int32_t *expected, size_t count)
{
    token_list ids = { 0 };
    assert_int_equal(tokenizer_encode(t, text, size, flags, &ids), CADRE_OK);
    check_ids(name, text, &ids, expected, count);
    token_list_free(&ids);
}

/* ---- the tokenizers package's ids ---- */

static void check_json_ids(
    const tokenizer *t, const char *name, const json_t *text, unsigned flags, const json_t *list)
{
    int32_t expected[512];
    size_t count = json_array_size(list);
    assert_true(count <= 512);
    for (size_t i = 0; i < count; i++)
        expected[i] = (int32_t)json_integer_value(json_array_get(list, i));
    check_text(t, name, json_string_value(text), json_string_length(text), flags, expected, count);
}

static void check_case(const tokenizer *t, const char *name, const json_t *c)
{
    const json_t *text = json_object_get(c, "text"), *decoded = json_object_get(c, "decoded");
    token_list ids = { 0 };
    byte_buffer back = { 0 };
    check_json_ids(t, name, text, AS_FILE, json_object_get(c, "ids"));
    check_json_ids(t, name, text, CADRE_PARSE_SPECIAL, json_object_get(c, "ids_without_special"));
    assert_int_equal(tokenizer_encode(t, json_string_value(text), json_string_length(text),
                         CADRE_PARSE_SPECIAL, &ids),
        CADRE_OK);
    assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, 0, &back), CADRE_OK);
    if (back.size != json_string_length(decoded) ||
        (back.size && memcmp(back.data, json_string_value(decoded), back.size) != 0))
        fail_msg("%s: expected \"%s\", found \"%.*s\"", name, json_string_value(decoded),
            (int)back.size, back.data);
    token_list_free(&ids);
    byte_buffer_free(&back);
}

static void test_tokenizer_json(void **state)
{
    const char *name = *state;
    char file[128];
    snprintf(file, sizeof file, "tokenizer-json/%s.json", name);
    tokenizer *t = open_path(oracle_path(file));
    snprintf(file, sizeof file, "tokenizer-json/%s.cases.json", name);
    json_t *cases = json_load_file(oracle_path(file), JSON_ALLOW_NUL, NULL);
    assert_true(json_array_size(cases) > 0);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(t, name, json_array_get(cases, i));
    json_decref(cases);
    tokenizer_close(t);
}

/* ---- llama.cpp's vocabularies ---- */

/* One line of ids. */
static size_t read_line(char **at, int32_t *ids, size_t room)
{
    size_t count = 0;
    char *end = strchr(*at, '\n'), *next;
    *end = '\0';
    for (char *word = *at;; word = next) {
        long id = strtol(word, &next, 10);
        if (next == word) break;
        assert_true(count < room);
        ids[count++] = (int32_t)id;
    }
    *at = end + 1;
    return count;
}

static void test_gguf(void **state)
{
    const char *name = *state;
    static const char separator[] = "\n__ggml_vocab_test__\n";
    char file[128], *inputs, *outputs;
    size_t input_size, output_size;
    snprintf(file, sizeof file, "tokenizer/%s.gguf", name);
    tokenizer *t = open_path(oracle_path(file));
    snprintf(file, sizeof file, "tokenizer/%s.gguf.inp", name);
    assert_int_equal(file_read(oracle_path(file), 1 << 20, &inputs, &input_size), CADRE_OK);
    snprintf(file, sizeof file, "tokenizer/%s.gguf.out", name);
    assert_int_equal(file_read(oracle_path(file), 1 << 20, &outputs, &output_size), CADRE_OK);
    for (char *in = inputs, *out = outputs; *out;) {
        int32_t expected[1024];
        size_t count = read_line(&out, expected, 1024);
        char *end = strstr(in, separator);
        size_t size = end ? (size_t)(end - in) : strlen(in);
        check_text(t, name, in, size, CADRE_PARSE_SPECIAL, expected, count);
        in += size + (end ? strlen(separator) : 0);
    }
    mem_free(inputs);
    mem_free(outputs);
    tokenizer_close(t);
}

/* A model's folder and the GGUF file that was made of it. */
static void test_gguf_like_folder(void **state)
{
    const char *name = *state;
    static const char text[] = "<|endoftext|>The experts'  1,234 tokens\n\n "
                               "\xe4\xb8\xad\xe6\x96\x87 e\xcc\x81 \xf0\x9f\x91\x8d";
    char file[128];
    snprintf(file, sizeof file, "models/%s/model.gguf", name);
    tokenizer *gguf = open_path(oracle_path(file));
    snprintf(file, sizeof file, "models/%s", name);
    tokenizer *folder = open_path(oracle_path(file));
    token_list ids = { 0 };
    assert_int_equal(tokenizer_encode(folder, text, strlen(text), AS_FILE, &ids), CADRE_OK);
    check_text(gguf, name, text, strlen(text), AS_FILE, ids.ids, ids.count);
    token_list_free(&ids);
    tokenizer_close(folder);
    tokenizer_close(gguf);
}

/* ---- control tokens ---- */

static int32_t id_of(const tokenizer *t, const char *piece)
{
    int32_t id = tokenizer_id(t, piece, strlen(piece));
    assert_true(id >= 0);
    return id;
}

static size_t count_id(const tokenizer *t, const char *text, unsigned flags, int32_t id)
{
    token_list ids = { 0 };
    size_t found = 0;
    assert_int_equal(tokenizer_encode(t, text, strlen(text), flags, &ids), CADRE_OK);
    for (size_t i = 0; i < ids.count; i++) found += ids.ids[i] == id;
    token_list_free(&ids);
    return found;
}

static void test_control_tokens(void **state)
{
    (void)state;
    tokenizer *t = open_sample(SAMPLE_BYTE_LEVEL);
    byte_buffer text = { 0 };
    int32_t end = id_of(t, "<|endoftext|>");
    assert_true(tokenizer_is_special(t, end));
    assert_false(tokenizer_is_special(t, end + 1));
    assert_int_equal(count_id(t, "a<|endoftext|>b<|endoftext|>", CADRE_PARSE_SPECIAL, end), 2);
    assert_int_equal(count_id(t, "a<|endoftext|>b<|endoftext|>", 0, end), 0);
    assert_int_equal(tokenizer_decode(t, (int32_t[]){ end, id_of(t, "a"), -1, 1 << 20, end }, 5,
                         CADRE_SKIP_SPECIAL, &text),
        CADRE_OK);
    assert_int_equal(text.size, 1);
    assert_int_equal(tokenizer_decode(t, &end, 1, 0, &text), CADRE_OK);
    assert_int_equal(text.size, 14);
    byte_buffer_free(&text);
    tokenizer_close(t);
}

/* Ids as the tokenizers package gives them for the same file. */
static void test_added_tokens(void **state)
{
    (void)state;
    tokenizer *t = open_sample(SAMPLE_PATTERNS);
    int32_t a = id_of(t, "a"), b = id_of(t, "b"), space = id_of(t, "\xc4\xa0");
    int32_t left = id_of(t, "<l>"), right = id_of(t, "<r>"), word = id_of(t, "word"),
            two = id_of(t, "  ");
    check_text(t, "lstrip", "a \t<l> b", 8, AS_FILE, (int32_t[]){ a, left, space, b }, 4);
    check_text(t, "rstrip", "a <r>\n b", 8, AS_FILE, (int32_t[]){ a, space, right, b }, 4);
    check_text(t, "single word", "word", 4, AS_FILE, (int32_t[]){ word }, 1);
    assert_int_equal(count_id(t, "words sword \xc3\xa9word word_ word1", AS_FILE, word), 0);
    assert_int_equal(count_id(t, "word. (word) word", AS_FILE, word), 3);
    check_text(t, "spaces", "   -", 4, AS_FILE, (int32_t[]){ two, space, id_of(t, "-") }, 3);
    /* A special one is text here, the others are not */
    assert_int_equal(count_id(t, "<l> <r> word", 0, left), 0);
    assert_int_equal(count_id(t, "<l> <r> word", 0, right), 1);
    tokenizer_close(t);
}

/* A sample with the first `from` behind `place` replaced by `to`. */
static tokenizer *open_changed(
    tokenizer_sample sample, const char *place, const char *from, const char *to)
{
    tokenizer *t;
    char *text = tokenizer_sample_text(sample), *at = strstr(text, place);
    assert_non_null(at);
    assert_non_null(at = strstr(at, from));
    char *changed = mem_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    if (tokenizer_open_text(changed, strlen(changed), "sample", &t) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    mem_free(changed);
    mem_free(text);
    return t;
}

/* A token of spaces is found among those that a token before took along, as the tokenizers package
 * does. */
static void test_spaces_taken_along(void **state)
{
    (void)state;
    tokenizer *t = open_changed(
        SAMPLE_PATTERNS, "\"content\":\"  \"", "\"normalized\":true", "\"normalized\":false");
    int32_t a = id_of(t, "a"), b = id_of(t, "b"), space = id_of(t, "\xc4\xa0");
    int32_t right = id_of(t, "<r>"), left = id_of(t, "<l>"), two = id_of(t, "  ");
    check_text(t, "within", "a<r>   b", 8, AS_FILE, (int32_t[]){ a, right, two, space, b }, 5);
    check_text(t, "at the end", "<r>  ", 5, AS_FILE, (int32_t[]){ right, two }, 2);
    check_text(t, "before", "a  <l>", 6, AS_FILE, (int32_t[]){ a, two, left }, 3);
    tokenizer_close(t);
}

/* What is unknown waits behind bytes that stand for what follows: the package's order. */
static void test_unknown_among_bytes(void **state)
{
    (void)state;
    tokenizer *t = open_changed(SAMPLE_SENTENCEPIECE, "", "\"<0xE9>\"", "\"<0xe9!>\"");
    int32_t mark = id_of(t, "\xe2\x96\x81"), r = id_of(t, "r");
    check_text(
        t, "bytes", "\xe9\x80\x80\xc3\xa9", 5, 0, (int32_t[]){ mark, 2 + 0xc3, 2 + 0xa9, 0 }, 4);
    check_text(t, "piece", "\xe9\x80\x80r\xc3\xa9", 6, 0,
        (int32_t[]){ mark, 0, r, 2 + 0xc3, 2 + 0xa9 }, 5);
    tokenizer_close(t);
}

/* Bytes that are no text together are replaced together. */
static void test_bytes_without_meaning(void **state)
{
    (void)state;
    tokenizer *t = open_sample(SAMPLE_SENTENCEPIECE);
    byte_buffer text = { 0 };
    int32_t ids[] = { id_of(t, "the"), 2 + 0xc3, 2 + 0xa9, id_of(t, "r"), 2 + 'Z', 2 + 0x9c,
        id_of(t, "e") };
    static const char expected[] = "the\xc3\xa9r\xef\xbf\xbd\xef\xbf\xbd"
                                   "e";
    assert_int_equal(tokenizer_decode(t, ids, 7, 0, &text), CADRE_OK);
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
    byte_buffer_free(&text);
    tokenizer_close(t);
}

static void test_ids_around(void **state)
{
    (void)state;
    tokenizer *t = open_sample(SAMPLE_SENTENCEPIECE);
    int32_t the = id_of(t, "\xe2\x96\x81the");
    check_text(t, "before", "the", 3, AS_FILE, (int32_t[]){ 1, the }, 2);
    check_text(t, "nothing", "", 0, AS_FILE, (int32_t[]){ 1 }, 1);
    check_text(t, "bytes", "\xc3\xa9\xff", 3, 0,
        (int32_t[]){ id_of(t, "\xe2\x96\x81"), 2 + 0xc3, 2 + 0xa9, 2 + 0xff }, 4);
    tokenizer_close(t);
    t = open_sample(SAMPLE_UNIGRAM);
    the = id_of(t, "\xe2\x96\x81the");
    check_text(t, "after", "the", 3, AS_FILE, (int32_t[]){ the, 1 }, 2);
    check_text(t, "unknown", "the \xc3\xa9\xc3\xa9 ther", 13, 0,
        (int32_t[]){ the, id_of(t, "\xe2\x96\x81"), 0, the, id_of(t, "r") }, 5);
    tokenizer_close(t);
}

/* ---- streams ---- */

static void check_stream(const tokenizer *t, const char *text, size_t size)
{
    token_stream *s;
    token_list ids = { 0 };
    byte_buffer whole = { 0 }, streamed = { 0 };
    string_view part;
    assert_int_equal(tokenizer_encode(t, text, size, 0, &ids), CADRE_OK);
    assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, 0, &whole), CADRE_OK);
    assert_int_equal(token_stream_new(t, 0, &s), CADRE_OK);
    for (int round = 0; round < 2; round++) { /* the end makes it as new */
        streamed.size = 0;
        for (size_t i = 0; i <= ids.count; i++) {
            assert_int_equal(
                i < ids.count ? token_stream_put(s, ids.ids[i], &part) : token_stream_end(s, &part),
                CADRE_OK);
            assert_int_equal(utf8_valid_prefix(part.data, part.size), part.size);
            assert_int_equal(byte_buffer_put(&streamed, part.data, part.size), CADRE_OK);
        }
        assert_int_equal(streamed.size, whole.size);
        assert_memory_equal(streamed.data, whole.data, whole.size);
    }
    token_stream_free(s);
    token_list_free(&ids);
    byte_buffer_free(&whole);
    byte_buffer_free(&streamed);
}

static void test_streams(void **state)
{
    (void)state;
    static const char text[] =
        " the \xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd \xe4\xb8\xad\xe6\x96\x87 ther \xc3\xa4 the";
    for (int i = 0; i < SAMPLES; i++) {
        tokenizer *t = open_sample((tokenizer_sample)i);
        check_stream(t, text, strlen(text));
        tokenizer_close(t);
    }
}

static void test_stream_of_malformed_bytes(void **state)
{
    (void)state;
    tokenizer *t = open_sample(SAMPLE_SENTENCEPIECE);
    token_stream *s;
    string_view part;
    static const struct {
        int byte;
        const char *text;
    } steps[] = { { 0xf0, "" }, { 0x9f, "" },
        { 'a', "\xef\xbf\xbd\xef\xbf\xbd"
               "a" },
        { 0xff, "\xef\xbf\xbd" }, { 0xc3, "" }, { 0xa9, "\xc3\xa9" }, { 0xe4, "" } };
    assert_int_equal(token_stream_new(t, 0, &s), CADRE_OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(token_stream_put(s, 2 + steps[i].byte, &part), CADRE_OK);
        assert_int_equal(part.size, strlen(steps[i].text));
        assert_memory_equal(part.size ? part.data : "", steps[i].text, part.size);
    }
    assert_int_equal(token_stream_end(s, &part), CADRE_OK);
    assert_int_equal(part.size, 3);
    token_stream_free(s);
    tokenizer_close(t);
}

/* ---- long texts, and no memory ---- */

/* One word of a million equal characters must not cost a square. */
static void test_long_runs(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    for (int i = 0; i < SAMPLES; i++) {
        tokenizer *t = open_sample((tokenizer_sample)i);
        for (const char *c = "et -1\n"; *c; c++) {
            token_list ids = { 0 };
            memset(text, *c, SIZE);
            if (tokenizer_encode(t, text, SIZE, 0, &ids) != CADRE_OK)
                fail_msg("%d '%c': %s", i, *c, cadre_last_error());
            token_list_free(&ids);
        }
        tokenizer_close(t);
    }
    free(text);
}

/* A file without a blank is one word. */
static void test_a_long_word_stops_when_asked(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    memset(text, 'e', SIZE);
    tokenizer *t = open_sample(SAMPLE_BYTE_LEVEL);
    token_list ids = { 0 };
    cadre_interrupt();
    assert_int_equal(tokenizer_encode(t, text, SIZE, 0, &ids), CADRE_EINTERRUPTED);
    cadre_interrupt_clear();
    token_list_free(&ids);
    tokenizer_close(t);
    free(text);
}

/* Opening, encoding and decoding with the n-th allocation failing, until none does. */
static void check_allocations(const char *json)
{
    static const char text[] = "the e\xcc\x81 \xff word <l> <|endoftext|>";
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        tokenizer *t = NULL;
        token_list ids = { 0 };
        byte_buffer back = { 0 };
        mem_fail_at(n, false);
        status = tokenizer_open_text(json, strlen(json), "sample", &t);
        if (status == CADRE_OK) status = tokenizer_encode(t, text, strlen(text), AS_FILE, &ids);
        if (status == CADRE_OK) status = tokenizer_decode(t, ids.ids, ids.count, 0, &back);
        bool all = mem_count() < n;
        mem_fail_at(0, false);
        token_list_free(&ids);
        byte_buffer_free(&back);
        tokenizer_close(t);
        assert_true(status == CADRE_OK ? all : status == CADRE_ENOMEM);
    }
}

static void test_failing_allocations(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        char *json = tokenizer_sample_text((tokenizer_sample)i);
        check_allocations(json);
        mem_free(json);
    }
}

static void test_public(void **state)
{
    (void)state;
    const char *path = oracle_path("models/olmoe");
    cadre_tokenizer *t;
    int32_t *ids;
    int64_t count;
    char *text;
    size_t size;
    assert_int_equal(cadre_tokenizer_open(path, &t), CADRE_OK);
    assert_int_equal(cadre_tokenizer_encode(t, "a\0b", 3, 0, &ids, &count), CADRE_OK);
    assert_int_equal(count, 3);
    assert_int_equal(cadre_tokenizer_decode(t, ids, count, 0, &text, &size), CADRE_OK);
    assert_int_equal(size, 3);
    assert_memory_equal(text, "a\0b", 4);
    cadre_free(text);
    ids[1] = cadre_tokenizer_size(t);
    assert_int_equal(cadre_tokenizer_decode(t, ids, count, 0, &text, &size), CADRE_EARGUMENT);
    cadre_free(ids);
    cadre_tokenizer_close(t);
    assert_int_equal(cadre_tokenizer_open("/nowhere/tokenizer.json", &t), CADRE_EIO);
}

#define JSON(name)                                                                                 \
    {                                                                                              \
        name, test_tokenizer_json, NULL, NULL, (void *)(uintptr_t)name                             \
    }
#define GGUF(name)                                                                                 \
    {                                                                                              \
        name ".gguf", test_gguf, NULL, NULL, (void *)(uintptr_t)name                               \
    }
#define BOTH(name)                                                                                 \
    {                                                                                              \
        name ", folder and GGUF", test_gguf_like_folder, NULL, NULL, (void *)(uintptr_t)name       \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        JSON("deepseek-v3"),
        JSON("gpt-2"),
        JSON("gpt-oss"),
        JSON("llama-3"),
        JSON("qwen-2"),
        JSON("sentencepiece-bpe"),
        JSON("t5-precompiled"),
        JSON("t5-unigram"),
        GGUF("deepseek-llm"),
        GGUF("gpt-2"),
        GGUF("llama-spm"),
        GGUF("phi-3"),
        BOTH("deepseek"),
        BOTH("deepseek_v3"),
        BOTH("glm4_moe"),
        BOTH("granitemoe"),
        BOTH("llama"),
        BOTH("olmoe"),
        BOTH("qwen3_moe"),
        cmocka_unit_test(test_control_tokens),
        cmocka_unit_test(test_added_tokens),
        cmocka_unit_test(test_spaces_taken_along),
        cmocka_unit_test(test_unknown_among_bytes),
        cmocka_unit_test(test_bytes_without_meaning),
        cmocka_unit_test(test_ids_around),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_stream_of_malformed_bytes),
        cmocka_unit_test(test_long_runs),
        cmocka_unit_test(test_a_long_word_stops_when_asked),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
