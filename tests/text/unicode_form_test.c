/* unicode_form_test.c - normal forms: known characters, order of marks, long runs of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text/unicode_form.h"

static void check(unicode_form form, const char *text, const char *expected)
{
    byte_buffer out = { 0 };
    assert_int_equal(unicode_form_put(form, (string_view){ text, strlen(text) }, &out), CADRE_OK);
    assert_int_equal(out.size, strlen(expected));
    assert_memory_equal(out.data ? out.data : "", expected, out.size);
    byte_buffer_free(&out);
}

static void test_known(void **state)
{
    (void)state;
    check(UNICODE_NFC, "", "");
    check(UNICODE_NFC, "plain", "plain");
    /* E + acute */
    check(UNICODE_NFC, "e\xcc\x81t\xc3\xa9", "\xc3\xa9t\xc3\xa9");
    check(UNICODE_NFD, "\xc3\xa9x", "e\xcc\x81x");
    /* Angstrom sign */
    check(UNICODE_NFC, "\xe2\x84\xab", "\xc3\x85");
    /* Hangul */
    check(UNICODE_NFC, "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c");
    check(UNICODE_NFD, "\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab");
    /* The ligature fi stays, ... */
    check(UNICODE_NFC, "\xef\xac\x81", "\xef\xac\x81");
    /* ... or does not */
    check(UNICODE_NFKC, "\xef\xac\x81 \xc2\xbd",
        "fi 1\xe2\x81\x84"
        "2");
    check(UNICODE_NFKD, "\xef\xac\x81\xc3\xa9", "fie\xcc\x81");
    /* eras: Reiwa stays */
    check(UNICODE_NFKC, "\xe3\x8b\xbf \xe3\x8d\xbb", "\xe3\x8b\xbf \xe5\xb9\xb3\xe6\x88\x90");
    /* Excluded from composition */
    check(UNICODE_NFC, "\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc");
    check(UNICODE_NFKC, "\xef\xb7\xba",
        "\xd8\xb5\xd9\x84\xd9\x89 \xd8\xa7\xd9\x84\xd9\x84\xd9\x87 "
        "\xd8\xb9\xd9\x84\xd9\x8a\xd9\x87 "
        /* The longest: eighteen characters */
        "\xd9\x88\xd8\xb3\xd9\x84\xd9\x85");
}

static void test_order_of_marks(void **state)
{
    (void)state;
    /* Below (220) comes before above (230) */
    check(UNICODE_NFD, "a\xcc\x81\xcc\x96", "a\xcc\x96\xcc\x81");
    /* Two of one class keep their order */
    check(UNICODE_NFD, "a\xcc\x81\xcc\x80\xcc\x96", "a\xcc\x96\xcc\x81\xcc\x80");
    /* Composed across a mark of another class */
    check(UNICODE_NFC, "a\xcc\x96\xcc\x81", "\xc3\xa1\xcc\x96");
    check(UNICODE_NFC,
        "\xcc\x81"
        "a",
        "\xcc\x81"
        "a");
}

/* A sort by insertion would take hours. */
static void test_long_run_of_marks(void **state)
{
    (void)state;
    enum { PAIRS = 500000 };
    char *text = malloc(1 + 4 * PAIRS);
    byte_buffer out = { 0 };
    text[0] = 'e';
    for (int i = 0; i < PAIRS; i++) memcpy(text + 1 + 4 * i, "\xcc\x80\xcc\x96", 4);
    assert_int_equal(
        unicode_form_put(UNICODE_NFD, (string_view){ text, 1 + 4 * PAIRS }, &out), CADRE_OK);
    assert_int_equal(out.size, 1 + 4 * PAIRS);
    assert_memory_equal(out.data + 1, "\xcc\x96\xcc\x96", 4);
    assert_memory_equal(out.data + out.size - 4, "\xcc\x80\xcc\x80", 4);
    byte_buffer_free(&out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_order_of_marks),
        cmocka_unit_test(test_long_run_of_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
