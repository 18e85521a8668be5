/* char_class_test.c - characters on both sides of every border between the kinds. */
#include "text/char_class.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* All of these are, none of those is. */
static void holds(const char *what, bool (*is)(uint32_t), const uint32_t *those, bool wanted)
{
    for (; *those; those++)
        if (is(*those) != wanted)
            fail_msg("U+%04X is%s %s", (unsigned)*those, wanted ? " not" : "", what);
}

static void spaces(void **state)
{
    (void)state;
    holds("a space", char_is_space,
        (const uint32_t[]){ 9, 10, 11, 12, 13, 32, 0x85, 0xa0, 0x1680, 0x2000, 0x200a, 0x2028,
            0x2029, 0x202f, 0x205f, 0x3000, 0 },
        true);
    holds("a space", char_is_space,
        (const uint32_t[]){ 8, 14, 31, 33, 0x84, 0x86, 0x180e, 0x200b, 0x2027, 0x202a, 0xfeff, 0 },
        false);
}

static void words(void **state)
{
    (void)state;
    holds("of a word", char_is_word,
        (const uint32_t[]){ 'a', 'Z', '0', '_', 0xe9, 0x1c5, 0x2b0, 0x65e5, 0x301, 0x903, 0x488,
            0x661, 0x2160, 0x203f, 0x200c, 0x200d, 0x24b6, 0x24e9, 0x1f130, 0x1f149, 0x1f150,
            0x1f169, 0x1f170, 0x1f189, 0 },
        true);
    holds("of a word", char_is_word,
        (const uint32_t[]){ '-', ' ', '.', 0xb2, 0x200b, 0x200e, 0x24b5, 0x24ea, 0x1f12f, 0x1f14a,
            0x1f14f, 0x1f16a, 0x1f16f, 0x1f18a, 0x2013, 0x20ac, 0 },
        false);
}

static void numbers(void **state)
{
    (void)state;
    holds("a number", char_is_numeric,
        (const uint32_t[]){ '0', '9', 0x661, 0x2160, 0xb2, 0xbd, 0x2460, 0 }, true);
    holds("a number", char_is_numeric, (const uint32_t[]){ 'a', '/', ':', 0x4e00, 0xaa, 0x2a00, 0 },
        false);
}

static void punctuation(void **state)
{
    (void)state;
    for (uint32_t c = 1; c < 0x80; c++)
        assert_int_equal(
            char_is_punctuation(c), strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", (int)c) != NULL);
    holds("punctuation", char_is_punctuation,
        (const uint32_t[]){ 0xa1, 0xbf, 0x2010, 0x2014, 0x2018, 0x3001, 0xff01, 0x166d, 0x111c9,
            0x2e42, 0x61e, 0x10a58, 0 },
        true);
    holds("punctuation", char_is_punctuation,
        (const uint32_t[]){ 0xa2, 0xa9, 0x20ac, 0x2212, 0x1f600, 0x65e5, 0x61d, 0x2e43, 0x2e4f,
            0x2e52, 0x9fd, 0x1e95e, 0x1e95f, 0x12ff1, 0 },
        false);
}

static void marks(void **state)
{
    (void)state;
    holds("a mark", char_is_mark,
        (const uint32_t[]){ 0x300, 0x36f, 0x903, 0x488, 0x20dd, 0xfe0f, 0 }, true);
    holds("a mark", char_is_mark,
        (const uint32_t[]){ '^', 'a', 0xe9, 0x2ff, 0x370, 0x2b0, 0x5f, 0 }, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(spaces), cmocka_unit_test(words),
        cmocka_unit_test(numbers), cmocka_unit_test(punctuation), cmocka_unit_test(marks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
