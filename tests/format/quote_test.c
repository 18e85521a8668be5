/* quote_test.c - a stranger's text in our sentences: as it is where it is harmless, escaped where a
 * terminal would obey, and never longer than its room. */
#include "format/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void plain_text_stays(void **state)
{
    (void)state;
    static const char *const plain[] = { "", "model.layers.0.mlp", "été 日本 🙂",
        "a \"b\" 'c' \\" };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        assert_string_equal(quote_text(plain[i]).text, plain[i]);
}

static void what_a_terminal_obeys_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text, *quoted;
    } escaped[] = { { "\x1b[2J", "\\x1b[2J" }, { "a\nb\t", "a\\x0ab\\x09" }, { "\x7f", "\\x7f" },
        { "\xc2\x9b", "\\xc2\\x9b" },          /* a control character beyond ASCII */
        { "\xe2\x80\xae", "\\xe2\\x80\\xae" }, /* turns the direction of writing */
        { "\xe2\x80\xa8", "\\xe2\\x80\\xa8" }, /* a line separator */
        { "\xe2\x80\xa9", "\\xe2\\x80\\xa9" }, /* a paragraph separator */
        { "\xef\xbf\xbf", "\\xef\\xbf\\xbf" }, /* no character */
        { "\xff\xc3", "\\xff\\xc3" }, { "\xc0\xaf", "\\xc0\\xaf" } };
    for (size_t i = 0; i < sizeof escaped / sizeof *escaped; i++)
        assert_string_equal(quote_text(escaped[i].text).text, escaped[i].quoted);
    assert_string_equal(quote_bytes("a\0b", 3).text, "a\\x00b");
    assert_string_equal(quote_bytes("abc", 2).text, "ab");
}

/* The longest that is whole, and one more of each kind. */
static void long_text_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[300], expected[100];
    memset(text, 'a', sizeof text);
    assert_int_equal(strlen(quote_bytes(text, QUOTE_ROOM - 4).text), QUOTE_ROOM - 4);
    for (size_t size = QUOTE_ROOM - 3; size < sizeof text; size += 50) {
        snprintf(expected, sizeof expected, "%.*s...", QUOTE_ROOM - 4, text);
        assert_string_equal(quote_bytes(text, size).text, expected);
    }
    for (size_t i = 0; i + 3 <= sizeof text; i += 3) memcpy(text + i, "本", 3);
    snprintf(expected, sizeof expected, "%.*s...", (QUOTE_ROOM - 4) / 3 * 3, text);
    assert_string_equal(quote_bytes(text, sizeof text).text, expected);
    memset(text, 1, sizeof text);
    quote q = quote_bytes(text, sizeof text);
    assert_int_equal(strlen(q.text), (QUOTE_ROOM - 4) / 4 * 4 + 3);
    assert_string_equal(q.text + strlen(q.text) - 7, "\\x01...");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(what_a_terminal_obeys_is_escaped),
        cmocka_unit_test(long_text_is_cut_at_a_character) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
