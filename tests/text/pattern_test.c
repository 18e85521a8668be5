/* pattern_test.c - patterns mean what they mean to Oniguruma; what could mean something else is
 * refused; limits hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "text/byte_level.h"
#include "text/pattern.h"

static pattern *compiled(const char *regex)
{
    pattern *p;
    if (pattern_new(regex, strlen(regex), NULL, "test", &p) != CADRE_OK)
        fail_msg("%s: %s", regex, cadre_last_error());
    return p;
}

/* Matches of a text, each between bars. */
static void check_matches(const char *regex, const char *text, const char *expected)
{
    char found_text[256] = "|";
    pattern *p = compiled(regex);
    pattern_scan *s;
    size_t begin, end;
    bool found;
    assert_int_equal(pattern_scan_new(&s), CADRE_OK);
    pattern_scan_start(s, p, text, strlen(text));
    while (assert_int_equal(pattern_scan_next(s, &found, &begin, &end), CADRE_OK), found) {
        strncat(found_text, text + begin, end - begin);
        strcat(found_text, "|");
    }
    assert_string_equal(found_text, expected);
    pattern_scan_free(s);
    pattern_free(p);
}

static void test_matches(void **state)
{
    (void)state;
    check_matches(BYTE_LEVEL_PATTERN, "I'll be  12 there!", "|I|'ll| be| | 12| there|!|");
    /* U+180E is no space */
    check_matches("\\s+",
        "a \xe2\x80\x83\xc2\xa0"
        "b\xe1\xa0\x8e"
        "c",
        "| \xe2\x80\x83\xc2\xa0|");
    check_matches("\\w+", "caf\xc3\xa9_1\xcc\x81 \xc2\xb2", "|caf\xc3\xa9_1\xcc\x81|\xc2\xb2|");
    check_matches("\\h+", "xA0f-", "|A0f|");
    check_matches("^.", "a\nb", "|a|b|");
    check_matches("[\\v]", "\x0b\n", "|\x0b|");
    /* Not script extensions */
    check_matches(
        "\\p{Han}+", "\xe4\xb8\xad\xe3\x80\x85\xe3\x83\xbc", "|\xe4\xb8\xad\xe3\x80\x85|");
    /* A repeat of a repeat, not a possessive one */
    check_matches("\\p{N}{1,3}+", "1234567 1", "|1234567|1|");
    check_matches("a{,2}b", "aaab", "|aab|");
    check_matches("(?i:'s)|k", "'S \xe2\x84\xaa", "|'S|");
    check_matches("[a[bc]]+", "xabcx", "|abc|");
    check_matches("[\\p{L}&&[^bx]]+", "abcx", "|a|c|"); /* what is in one set and not in another */
    check_matches("[a-z\\]&&[^\\p{Lu}c]]{2}", "ab]cde", "|ab|de|");
    check_matches("\\p{S}+", "+\xf0\x9f\xa9\xb7", "|+\xf0\x9f\xa9\xb7|"); /* of Unicode 15 */
    check_matches("\\p{L}+", "a\xf0\xb1\x8d\x90", "|a\xf0\xb1\x8d\x90|"); /* of Unicode 15 */
    check_matches("\\d{1,3}(?=(?:\\d{3})*\\b)", "1234567 12a", "|1|234|567|");
    check_matches("\\b.", "ab \xc3\xa9", "|a| |\xc3\xa9|");
    check_matches("\\B.",
        "ab \xc3\xa9"
        "c",
        "|b|c|");
    check_matches("x*", "axxb", "||xx||");
    check_matches("(?=b)", "abab", "|||");
    check_matches("", "ab", "||||");
}

static void test_literal(void **state)
{
    (void)state;
    pattern *p, *same, *other;
    const char *marks = "\\^$.[|()?*+{}]-# ";
    assert_int_equal(pattern_new_literal(marks, strlen(marks), NULL, "test", &p), CADRE_OK);
    assert_int_equal(pattern_new_literal(marks, strlen(marks), NULL, "test", &same), CADRE_OK);
    assert_int_equal(pattern_new_literal("x", 1, NULL, "test", &other), CADRE_OK);
    assert_true(pattern_same(p, same) && !pattern_same(p, other) && !pattern_same(p, NULL) &&
                pattern_same(NULL, NULL));
    pattern_scan *s;
    size_t begin, end;
    bool found;
    assert_int_equal(pattern_scan_new(&s), CADRE_OK);
    pattern_scan_start(s, p, marks, strlen(marks));
    assert_int_equal(pattern_scan_next(s, &found, &begin, &end), CADRE_OK);
    assert_true(found && begin == 0 && end == strlen(marks));
    pattern_scan_free(s);
    pattern_free(p);
    pattern_free(same);
    pattern_free(other);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[\\b]",
        "\\1",
        "\\k<a>",
        "\\G",
        "\\K",
        "\\R",
        "\\X",
        "\\C",
        "\\p",
        "\\pL",
        "\\p{}",
        "\\p{Nonsense}",
        "\\p{L",
        "\\x",
        "\\x{}",
        "\\xff",
        "\\u12",
        "[",
        "[]",
        "[^]",
        "[a&&b]",
        "[a&&[b]]",
        "[a&&[^b]c]",
        "[[:alpha:]]",
        "[a[^b]]",
        "[\\W]",
        "[a[b]",
        "(",
        ")",
        "(?P<n>a)",
        "(?<n>a)",
        "(?#c)",
        "(?m:a)",
        "(?s)a",
        "a(?i)b",
        "(?R)",
        "(?1)",
        "(*ACCEPT)",
        "{2}",
        "|{2}",
        "*",
        "a**b(",
        "(?i:ss)",
        "(?i:\xc3\x9f)",
        "(?i:\\p{Lu})",
        "\xff",
        "\\",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pattern *p = NULL;
        cadre_status status = pattern_new(bad[i], strlen(bad[i]), "FILE", "test", &p);
        if (status == CADRE_OK) fail_msg("%s is taken", bad[i]);
        assert_null(p);
        assert_memory_equal(cadre_last_error(), "FILE: test: ", 12);
    }
}

/* Steps that all matches of a text may take grow with the text alone: this pattern looks at every
 * pair of places. */
static void test_limit(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    pattern *p = compiled("a*b|(?:a|aa)+c|a");
    pattern_scan *s;
    size_t begin, end;
    bool found = true;
    memset(text, 'a', SIZE);
    assert_int_equal(pattern_scan_new(&s), CADRE_OK);
    pattern_scan_start(s, p, text, SIZE);
    cadre_status status = CADRE_OK;
    while (status == CADRE_OK && found) status = pattern_scan_next(s, &found, &begin, &end);
    assert_int_equal(status, CADRE_EUNSUPPORTED);
    assert_non_null(strstr(cadre_last_error(), "more steps or memory"));
    pattern_scan_free(s);
    pattern_free(p);
    free(text);
}

/* One match of a million steps is within the limit, and so are many matches after it. */
static void test_long_run(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    pattern *p = compiled("\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+|x");
    pattern_scan *s;
    size_t begin, end, matches = 0;
    bool found = true;
    memset(text, ' ', SIZE / 2);
    memset(text + SIZE / 2, 'x', SIZE / 2);
    assert_int_equal(pattern_scan_new(&s), CADRE_OK);
    pattern_scan_start(s, p, text, SIZE);
    for (; found; matches += found)
        assert_int_equal(pattern_scan_next(s, &found, &begin, &end), CADRE_OK);
    assert_int_equal(matches, SIZE / 2 + 2);
    pattern_scan_free(s);
    pattern_free(p);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_literal),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_long_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
