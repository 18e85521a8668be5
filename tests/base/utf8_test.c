/* utf8_test.c - every code point there and back; what is not well-formed is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static void test_every_character(void **state)
{
    (void)state;
    char bytes[UTF8_MAX];
    uint32_t back;
    for (uint32_t code = 0; code < 0x110000; code++) {
        size_t length = utf8_encode(code, bytes);
        bool surrogate = code >= 0xd800 && code < 0xe000;
        assert_int_equal(utf8_decode(bytes, length, &back), surrogate ? 0 : length);
        if (surrogate) continue;
        assert_int_equal(back, code);
        assert_int_equal(utf8_length(bytes[0]), length);
        assert_int_equal(utf8_decode(bytes, length - 1, &back), 0);
        for (size_t part = 1; part < length; part++) assert_true(utf8_incomplete(bytes, part));
        assert_false(utf8_incomplete(bytes, length));
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc3",
        "\xc3(",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xe2\x96",
        "\xe2(\x81",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xfe",
        "\xff",
    };
    uint32_t code;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(utf8_decode(bad[i], strlen(bad[i]), &code), 0);
        assert_int_equal(utf8_valid_prefix(bad[i], strlen(bad[i])), 0);
    }
    assert_false(utf8_incomplete("\xed\xa0", 2));
    assert_false(utf8_incomplete("\xf4\x90", 2));
    assert_false(utf8_incomplete("\xc0", 1));
    assert_false(utf8_incomplete("", 0));
}

/* The fast way through ASCII must stop at the same byte as the slow one. */
static void test_valid_prefix(void **state)
{
    (void)state;
    char text[40];
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'a', sizeof text);
        text[at] = '\xff';
        assert_int_equal(utf8_valid_prefix(text, sizeof text), at);
    }
    assert_int_equal(utf8_valid_prefix("\xc3\xa9t\xc3\xa9 \xe4\xb8\xad", 9), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_valid_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
