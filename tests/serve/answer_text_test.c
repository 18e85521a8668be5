/* answer_text_test.c - text from ids: whole characters, the same in pieces and as a whole, without
 * stop texts, and with thoughts kept separate. */
#include "serve/answer_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "support/succeeds.h"
#include "text/chat.h"

/* A vocabulary of single bytes, written as byte-level vocabularies write them, and the marks of a
 * template. */
static tokenizer *bytes;

static void put_piece(byte_buffer *json, int byte)
{
    bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    static int other;
    if (!byte) other = 0;
    uint32_t code = plain ? (uint32_t)byte : 256 + (uint32_t)other++;
    byte_buffer_format(json, "%s\"\\u%04x\": %d", byte ? ", " : "", code, byte);
}

static int begin(void **state)
{
    byte_buffer json = { 0 };
    (void)state;
    byte_buffer_text(&json,
        "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 256, \"content\": \"<think>\", "
        "\"special\": true, \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
        "\"normalized\": false}, {\"id\": 257, \"content\": \"</think>\", \"special\": true, "
        "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false}], "
        "\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": "
        "false, \"trim_offsets\": true, \"use_regex\": false}, \"post_processor\": null, "
        "\"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", \"merges\": [], "
        "\"vocab\": {");
    for (int b = 0; b < 256; b++) put_piece(&json, b);
    byte_buffer_text(&json, "}}}");
    succeeds(tokenizer_open_text(json.data, json.size, "bytes", &bytes));
    byte_buffer_free(&json);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tokenizer_close(bytes);
    return 0;
}

enum { THINK = 256, SAY = 257 };

static int32_t id_of(const char *text, size_t *at)
{
    static const char opens[] = "<think>", closes[] = "</think>";
    if (strncmp(text + *at, opens, sizeof opens - 1) == 0) return *at += sizeof opens - 1, THINK;
    if (strncmp(text + *at, closes, sizeof closes - 1) == 0) return *at += sizeof closes - 1, SAY;
    return (unsigned char)text[(*at)++];
}

/* Adds the text byte by byte and checks the content and the thought at the end. The content so far
 * must always be a beginning of the final content. */
static void write_text(const char *template, const char *text, const char *const *stops, int count,
    const char *said, const char *thought)
{
    answer_text a;
    const chat_template *c = template ? chat_template_find(template) : NULL;
    succeeds(answer_text_open(bytes, c, false, stops, count, &a));
    for (size_t at = 0; text[at] && !a.stopped;) {
        succeeds(answer_text_put(&a, id_of(text, &at)));
        assert_true(a.content.size <= strlen(said));
        assert_memory_equal(a.content.data ? a.content.data : "", said, a.content.size);
        assert_true(utf8_valid(a.content.data ? a.content.data : "", a.content.size));
    }
    succeeds(answer_text_end(&a));
    assert_int_equal(a.content.size, strlen(said));
    assert_memory_equal(a.content.data ? a.content.data : "", said, a.content.size);
    assert_int_equal(a.thoughts.size, strlen(thought));
    assert_memory_equal(a.thoughts.data ? a.thoughts.data : "", thought, a.thoughts.size);
    answer_text_close(&a);
}

static void returns_whole_characters(void **state)
{
    (void)state;
    write_text(NULL, "a \xc3\xa9 \xf0\x9f\x98\x80.", NULL, 0, "a \xc3\xa9 \xf0\x9f\x98\x80.", "");
    write_text(NULL, "a\xff\xc3", NULL, 0, "a\xef\xbf\xbd\xef\xbf\xbd", "");
    write_text(NULL, "", NULL, 0, "", "");
}

static void returns_no_stop_text(void **state)
{
    (void)state;
    const char *const two[] = { "never", "cde" };
    write_text(NULL, "abcdef", two, 2, "ab", "");
    write_text(NULL, "abcdXcde", two, 2, "abcdX", "");
    /* the possible beginning of a stop text is added at the end */
    write_text(NULL, "abcd", two, 2, "abcd", "");
    write_text(NULL, "nevenever", two, 2, "neve", "");
}

static void separates_thoughts(void **state)
{
    const char *const stop[] = { "nk" };
    (void)state;
    write_text("qwen3", "<think>I think</think>\n\nSo", NULL, 0, "So", "I think");
    write_text("qwen3", "So", NULL, 0, "So", "");
    write_text("qwen3", "<think>I thi", NULL, 0, "", "I thi");
    /* stop texts are searched for only in the content */
    write_text("qwen3", "<think>think</think>a nk b", stop, 1, "a ", "think");
    write_text("qwen3-thinking", "hm</think>So", NULL, 0, "So", "hm");
    write_text(NULL, "<think>a", NULL, 0, "a", ""); /* control tokens have no text */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_whole_characters),
        cmocka_unit_test(returns_no_stop_text),
        cmocka_unit_test(separates_thoughts),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
