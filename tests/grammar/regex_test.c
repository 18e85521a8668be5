/* regex_test.c - an automaton takes the strings in which PCRE2 finds the pattern: patterns and
 * strings that are drawn, and patterns at the edges of what is read. */
#include "grammar/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/random.h"
#include "grammar/regex_tree.h"
#include "grammar/walked.h"
#include "support/succeeds.h"

static random_key key;
static uint64_t draws;

static size_t draw(size_t below) { return random_bits(key, draws++) % below; }

static cadre_status read_pattern(const char *pattern, size_t size, chars *c)
{
    int64_t work = NETWORK_WORK_MAX;
    return regex_read(pattern, size, "P", &work, c);
}

/* ---- patterns and strings that are drawn ---- */

static void put_choice(byte_buffer *b, int depth);

static void put_atom(byte_buffer *b, int depth)
{
    static const char *const atoms[] = { "a", "b", "c", "0", "_", "\xc3\xa9", ".", "\\d", "\\w",
        "\\s", "\\D", "\\W", "\\S", "[abc]", "[^ab]", "[a-c0]", "[\\d_]", "[^\\w]",
        "[^\\s\xc3\xa9]", "\\x61", "\\u0062", "\\.", "[.\\]-]", "[b-b]" };
    size_t which = draw(sizeof atoms / sizeof *atoms + (depth ? 8 : 0));
    if (which < sizeof atoms / sizeof *atoms) {
        byte_buffer_text(b, atoms[which]);
        return;
    }
    byte_buffer_text(b, draw(2) ? "(" : draw(2) ? "(?:" : "(?<n>");
    put_choice(b, depth - 1);
    byte_buffer_text(b, ")");
}

static void put_sequence(byte_buffer *b, int depth)
{
    static const char *const counts[] = { "*", "+", "?", "{2}", "{1,}", "{0,2}", "{1,3}", "*?",
        "+?", "{2,}", "{0}" };
    for (size_t n = draw(4); n > 0; n--) {
        put_atom(b, depth);
        if (draw(3) == 0) byte_buffer_text(b, counts[draw(sizeof counts / sizeof *counts)]);
    }
}

static void put_choice(byte_buffer *b, int depth)
{
    for (size_t n = 1 + draw(3), i = 0; i < n; i++) {
        if (i) byte_buffer_text(b, "|");
        put_sequence(b, depth);
    }
}

/* Of what stands behind ^. */
static void put_conditions(byte_buffer *b)
{
    for (size_t n = draw(3); n > 1; n--) {
        byte_buffer_text(b, draw(3) ? "(?!" : "(?=");
        if (draw(4) == 0) byte_buffer_text(b, ".*");
        put_sequence(b, 2);
        byte_buffer_text(b, draw(3) ? ")" : "$)");
    }
}

/* Anchors and conditions stand outside of groups alone. */
static void put_pattern(byte_buffer *b)
{
    b->size = 0;
    for (size_t n = 1 + draw(2), i = 0; i < n; i++) {
        if (i) byte_buffer_text(b, "|");
        if (draw(4)) byte_buffer_text(b, "^");
        if (n == 1 && b->size) put_conditions(b);
        put_sequence(b, 3);
        if (draw(4)) byte_buffer_text(b, "$");
    }
    byte_buffer_put(b, "", 1);
    b->size--;
}

static void put_string(char *text)
{
    static const char *const characters[] = { "a", "b", "c", "a", "b", "0", "_", " ", ".",
        "\xc3\xa9", "-", "]" };
    *text = 0;
    for (size_t n = draw(7); n > 0; n--)
        strcat(text, characters[draw(sizeof characters / sizeof *characters)]);
}

static pcre2_code *compile(const char *pattern)
{
    int error;
    size_t at;
    uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | PCRE2_DUPNAMES;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &error, &at, NULL);
    if (!code) fail_msg("PCRE2 does not read %s: error %d at %zu", pattern, error, at);
    return code;
}

static void drawn_patterns_find_what_pcre2_finds(void **state)
{
    (void)state;
    byte_buffer pattern = { 0 };
    int found = 0, all = 0, hard = 0;
    key = random_key_of(1, "patterns", 0, 0);
    for (int i = 0; i < 600; i++) {
        put_pattern(&pattern);
        pcre2_code *code = compile(pattern.data);
        pcre2_match_data *match = pcre2_match_data_create_from_pattern(code, NULL);
        chars c;
        cadre_status status = read_pattern(pattern.data, pattern.size, &c);
        hard += status == CADRE_EUNSUPPORTED;
        if (status != CADRE_EUNSUPPORTED) succeeds(status);
        for (int k = 0; status == CADRE_OK && k < 40; k++, all++) {
            char text[64];
            put_string(text);
            int count = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, match, NULL);
            assert_true(count >= 0 || count == PCRE2_ERROR_NOMATCH);
            found += count >= 0;
            if (walked(&c, text) != (count >= 0))
                fail_msg("/%s/ %s \"%s\", PCRE2 %s", pattern.data,
                    count >= 0 ? "leaves out" : "takes", text, count >= 0 ? "does not" : "does");
        }
        chars_free(&c);
        pcre2_match_data_free(match);
        pcre2_code_free(code);
    }
    byte_buffer_free(&pattern);
    assert_true(hard <= 6);                       /* that need too many states */
    assert_in_range(found, all / 5, all * 4 / 5); /* neither side of the comparison is idle */
}

/* ---- escapes and classes ---- */

static bool finds(const char *pattern, const char *text)
{
    chars c;
    succeeds(read_pattern(pattern, strlen(pattern), &c));
    bool taken = walked(&c, text);
    chars_free(&c);
    return taken;
}

static void escapes_stand_for_characters(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *taken, *other;
    } cases[] = {
        { "^\\t\\n\\r\\f\\v$", "\t\n\r\f\v", "tnrfv" },
        { "^\\^\\$\\\\\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/$", "^$\\.*+?()[]{}|/", "" },
        { "^\\u00e9$", "\xc3\xa9", "\xc3\xa8" },
        { "^\\u{1f600}$", "\xf0\x9f\x98\x80", "u{1f600}" },
        { "^[\\u{1f600}-\\u{1f602}]$", "\xf0\x9f\x98\x81", "\xf0\x9f\x98\x83" },
        { "^[\\b]$", "\b", "b" },
        { "^[a\\-c]$", "-", "b" },
        { "^[-a]$", "-", "b" },
        { "^[a-]$", "-", "b" },
        { "^[[]$", "[", "]" },
        { "^a{,2}$", "a{,2}", "aa" },
        { "^a{x}$", "a{x}", "a" },
        { "^a{2$", "a{2", "aa" },
        { "^.$", "\xe6\xbc\xa2", "\n" },
        { "^.$", "x", "\r" },
        { "^\\S$", "x", "\xc2\xa0" },    /* white space to some: left out by \S, */
        { "^[^\\S]$", " ", "\xc2\xa0" }, /* and by what is not \S */
        { "^\\s$", "\t", "\xe3\x80\x80" },
        { "^(?<year>\\d{4})-\\d\\d$", "2024-05", "24-05" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!finds(cases[i].pattern, cases[i].taken))
            fail_msg("%s leaves out %s", cases[i].pattern, cases[i].taken);
        if (finds(cases[i].pattern, cases[i].other))
            fail_msg("%s takes %s", cases[i].pattern, cases[i].other);
    }
}

/* ---- refusals ---- */

static cadre_status refused(const char *pattern, size_t size)
{
    chars c;
    cadre_status status = read_pattern(pattern, size, &c);
    chars_free(&c);
    return status;
}

static void what_is_not_read_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "(?!a)", "a group that looks around" },
        { "(?<=a)b", "a group that looks around" },
        { "(?i)a", "or has flags" },
        { "a\\", "a backslash at the end" },
        { "\\p{L}", "\\p (not supported)" },
        { "\\1", "\\1 (not supported)" },
        { "\\x4", "an escape that is no character" },
        { "\\u12", "an escape that is no character" },
        { "\\u{110000}", "an escape that is no character" },
        { "\\u{41", "an escape that is no character" },
        { "\\ud800", "half a surrogate pair" },
        { "[]a]", "an empty class" },
        { "[^]", "an empty class" },
        { "[a", "a class without an end" },
        { "[b-a]", "a range that is none" },
        { "[a-\\d]", "a range that is none" },
        { "a)", "a bracket that closes nothing" },
        { "(a", "a group without an end" },
        { "*a", "a count of nothing" },
        { "a**", "a count of a count" },
        { "a{10001}", "a count above 10000" },
        { "a{5,4}", "below its beginning" },
        { "(^a)", "^ or $ that is not at an end" },
        { "a$b", "^ or $ that is not at an end" },
        { "\xff", "bytes that are not UTF-8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (refused(cases[i][0], strlen(cases[i][0])) != CADRE_EUNSUPPORTED)
            fail_msg("%s was not refused", cases[i][0]);
        if (!strstr(cadre_last_error(), cases[i][1]))
            fail_msg("%s: %s", cases[i][0], cadre_last_error());
    }
}

/* At each bound what is just within it is read, and what is just beyond is not. */
static void bounds_hold(void **state)
{
    (void)state;
    char pattern[REGEX_BYTES_MAX + 2];
    memset(pattern, 'a', sizeof pattern);
    pattern[0] = '^';
    assert_int_equal(refused(pattern, REGEX_BYTES_MAX), CADRE_OK);
    assert_int_equal(refused(pattern, REGEX_BYTES_MAX + 1), CADRE_EUNSUPPORTED);
    for (int groups = 32; groups <= 33; groups++) {
        memset(pattern, '(', (size_t)groups);
        pattern[groups] = 'a';
        memset(pattern + groups + 1, ')', (size_t)groups);
        assert_int_equal(refused(pattern, (size_t)(2 * groups + 1)),
            groups == 32 ? CADRE_OK : CADRE_EUNSUPPORTED);
    }
    assert_true(strstr(cadre_last_error(), "more than 32 groups") != NULL);
    assert_int_equal(refused("^a{10000}$", 10), CADRE_OK);
    assert_int_equal(refused("^(ab){4999}$", 12), CADRE_OK);
    assert_int_equal(refused("^(ab){9999}$", 12), CADRE_EUNSUPPORTED);
    assert_int_equal(refused("^(a|b)*a(a|b){8}$", 17), CADRE_OK); /* 2^9 states */
    assert_int_equal(refused("^(a|b)*a(a|b){16}$", 18), CADRE_EUNSUPPORTED);
    assert_int_equal(refused("", 0), CADRE_OK);
}

static void memory_may_fail(void **state)
{
    (void)state;
    static const char pattern[] = "^(a|[b-d]{2,3}x?)+\\.(\\d|\\u00e9)*$";
    cadre_status status = CADRE_ENOMEM;
    chars c;
    int64_t before = mem_balance();
    for (int n = 1; status == CADRE_ENOMEM; n++) {
        assert_true(n < 200);
        mem_fail_at(n, n % 2);
        status = read_pattern(pattern, sizeof pattern - 1, &c);
        mem_fail_at(0, false);
        if (status == CADRE_OK) assert_true(walked(&c, "abbx.1") && !walked(&c, "ab.1"));
        chars_free(&c);
        assert_int_equal(mem_balance(), before);
    }
    succeeds(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_patterns_find_what_pcre2_finds),
        cmocka_unit_test(escapes_stand_for_characters),
        cmocka_unit_test(what_is_not_read_is_refused_by_name),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
