/* json_cursor_test.c - reading from left to right: what is taken, where the cursor then stands, and
 * the sentence for what is not. */
#include "format/json_cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"

static json_cursor over(const char *text)
{
    return (json_cursor){ .text = text, .size = strlen(text), .file = "f.json", .where = "map" };
}

static void refused(cadre_status status, const char *sentence)
{
    assert_int_equal(status, CADRE_EFORMAT);
    assert_string_equal(cadre_last_error(), sentence);
}

/* ---- strings ---- */

static void strings_are_unescaped(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes;
    } strings[] = { { "\"\"", "" }, { " \n\t\r\"plain\"", "plain" },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" }, { "\"a\\u0041b\"", "aAb" },
        { "\"\\u00e9\\u00E9\"", "éé" }, { "\"\\ud83d\\ude42\"", "🙂" },
        { "\"\\uD800\\uDC00|\\udbff\\udfff\"", "\xf0\x90\x80\x80|\xf4\x8f\xbf\xbf" },
        { "\"日本\\n語\"", "日本\n語" } };
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        json_cursor c = over(strings[i].text);
        string_view v;
        succeeds(json_cursor_string(&c, &v));
        assert_true(string_view_is(v, strings[i].bytes));
        assert_int_equal(c.at, c.size);
        json_cursor_free(&c);
    }
}

static void what_is_no_string_is_refused_where_it_fails(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } bad[] = { { "", "f.json: map: expected a string, found the end at byte 0" },
        { "  12,", "f.json: map: expected a string, found 12 at byte 2" },
        { "[1]", "f.json: map: expected a string, found an array at byte 0" },
        { "{}", "f.json: map: expected a string, found an object at byte 0" },
        { "\"abc", "f.json: map: expected the rest of a string, found the end at byte 4" },
        { "\"a\nb\"", "f.json: map: expected the rest of a string, found \\x0ab\" at byte 2" },
        { "\"a\\x\"", "f.json: map: expected an escape, found x\" at byte 3" },
        { "\"a\\", "f.json: map: expected an escape, found the end at byte 3" },
        { "\"\\u12g4\"", "f.json: map: expected four hexadecimal digits, found u12g4\" at byte 2" },
        { "\"\\u12", "f.json: map: expected four hexadecimal digits, found u12 at byte 2" },
        { "\"\\u0000\"", "f.json: map: expected a character other than NUL or half a pair, found "
                         "\" at byte 7" },
        { "\"\\ud800\"", "f.json: map: expected a character other than NUL or half a pair, found "
                         "\" at byte 7" },
        { "\"\\ude42\\ud83d\"",
            "f.json: map: expected a character other than NUL or half a pair, found \\ud83d\" at "
            "byte 7" },
        { "\"\\ud83d\\u0041\"",
            "f.json: map: expected a character other than NUL or half a pair, found \\u0041\" at "
            "byte 7" },
        { "\"\\ud83d\\ue000\"",
            "f.json: map: expected a character other than NUL or half a pair, found \\ue000\" at "
            "byte 7" },
        { "\"\\u0041", "f.json: map: expected the rest of a string, found the end at byte 7" },
        { "\"\\ud83d\\ude42",
            "f.json: map: expected the rest of a string, found the end at byte 13" },
        { "\"ab\xff\"", "f.json: map: expected a string in UTF-8, found \\xff\" at byte 3" } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_cursor c = over(bad[i].text);
        string_view v;
        refused(json_cursor_string(&c, &v), bad[i].sentence);
        json_cursor_free(&c);
    }
    json_cursor c = over("\"\\n\xff\"");
    string_view v;
    refuses(json_cursor_string(&c, &v), CADRE_EFORMAT, "expected a string in UTF-8");
    json_cursor_free(&c);
}

static void nul_is_taken_where_it_is_asked_for(void **state)
{
    (void)state;
    json_cursor c = over("\"a\\u0000b\"");
    string_view v;
    c.nul = true;
    succeeds(json_cursor_string(&c, &v));
    assert_int_equal(v.size, 3);
    assert_memory_equal(v.data, "a\0b", 3);
    json_cursor_free(&c);
}

static void a_string_lasts_while_one_more_is_read(void **state)
{
    (void)state;
    json_cursor c = over("\"\\n1\" \"\\n2\" \"\\n3\"");
    string_view first, second, third;
    succeeds(json_cursor_string(&c, &first));
    succeeds(json_cursor_string(&c, &second));
    assert_true(string_view_is(first, "\n1") && string_view_is(second, "\n2"));
    succeeds(json_cursor_string(&c, &third));
    assert_true(string_view_is(second, "\n2") && string_view_is(third, "\n3"));
    json_cursor_free(&c);
}

/* ---- numbers ---- */

static void integers_are_taken_up_to_their_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
        size_t at;
    } good[] = { { "0", 0, 1 }, { " 10,", 10, 3 }, { "-5]", -5, 2 }, { "-0", 0, 2 } };
    static const char *const bad[] = { "11", "-6", "01", "-", "", "1.0", "1e0", "1E0", "+1", "x",
        "99999999999999999999", "18446744073709551617", "184467440737095516170", "\"1\"", "00" };
    int64_t value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        json_cursor c = over(good[i].text);
        succeeds(json_cursor_int(&c, -5, 10, &value));
        assert_int_equal(value, good[i].value);
        assert_int_equal(c.at, good[i].at);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_cursor c = over(bad[i]);
        refuses(json_cursor_int(&c, -5, 10, &value), CADRE_EFORMAT, "expected an integer in ");
        assert_int_equal(c.at, 0);
    }
    json_cursor c = over("  11 ");
    refused(json_cursor_int(&c, -5, 10, &value),
        "f.json: map: expected an integer in -5..10, found 11 at byte 2");
    c = over("9223372036854775807");
    succeeds(json_cursor_int(&c, 0, INT64_MAX, &value));
    assert_true(value == INT64_MAX);
}

static void reals_are_taken_up_to_their_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
        size_t at;
    } good[] = { { "-1", -1, 2 }, { " 1 ", 1, 2 }, { "2.5e-1]", 0.25, 6 }, { "-0.5,", -0.5, 4 },
        { "1E0", 1, 3 }, { "1e-3}", 0.001, 4 }, { "0", 0, 1 }, { "-0.0e+0,", 0, 7 },
        { "0.05", 0.05, 4 } };
    static const char *const bad[] = { "1.1", "-1.1", "", "-", ".5", "-.5", "+1", "nan", "inf",
        "0x1", "1e", "1-1", "\"1\"", "1e999", "1.", "-0.", "0.e1", "01", "-01", "00", "00.5", "1.-",
        "0.5.1" };
    double value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        json_cursor c = over(good[i].text);
        succeeds(json_cursor_real(&c, -1, 1, &value));
        assert_true(value == good[i].value);
        assert_int_equal(c.at, good[i].at);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_cursor c = over(bad[i]);
        bool stops = !strcmp(bad[i], "0x1"); /* a zero, and then something else */
        cadre_status status = json_cursor_real(&c, -1, 1, &value);
        assert_int_equal(status, stops ? CADRE_OK : CADRE_EFORMAT);
        assert_int_equal(c.at, stops);
    }
    json_cursor c = over(" 7 ");
    refused(
        json_cursor_real(&c, -1, 1, &value), "f.json: map: expected a number, found 7 at byte 1");
}

/* ---- lists and objects ---- */

static void items_are_parted_by_commas(void **state)
{
    (void)state;
    json_cursor c = over(" [ 1 ,2, 3 ] x");
    bool first = true, more;
    int64_t value, sum = 0;
    succeeds(json_cursor_expect(&c, '['));
    for (int i = 0; i < 3; i++) {
        succeeds(json_cursor_next(&c, ']', &first, &more));
        assert_true(more);
        succeeds(json_cursor_int(&c, 0, 9, &value));
        sum = sum * 10 + value;
    }
    succeeds(json_cursor_next(&c, ']', &first, &more));
    assert_false(more);
    assert_int_equal(sum, 123);
    assert_int_equal(json_cursor_peek(&c), 'x');
    assert_false(json_cursor_take(&c, 'y'));
    assert_true(json_cursor_take(&c, 'x'));
    assert_false(json_cursor_take(&c, '\0'));
    assert_int_equal(json_cursor_peek(&c), 0);
    c = over("1 2]");
    first = true;
    succeeds(json_cursor_next(&c, ']', &first, &more));
    succeeds(json_cursor_int(&c, 0, 9, &value));
    refused(
        json_cursor_next(&c, ']', &first, &more), "f.json: map: expected ',', found 2 at byte 2");
}

static void members_have_a_key_and_a_colon(void **state)
{
    (void)state;
    json_cursor c = over("\"a\" : 1, \"b\":2 }");
    bool first = true, more;
    string_view key;
    int64_t value;
    succeeds(json_cursor_member(&c, &first, &key, &more));
    assert_true(more && string_view_is(key, "a"));
    succeeds(json_cursor_int(&c, 1, 1, &value));
    succeeds(json_cursor_member(&c, &first, &key, &more));
    assert_true(more && string_view_is(key, "b"));
    succeeds(json_cursor_int(&c, 2, 2, &value));
    succeeds(json_cursor_member(&c, &first, &key, &more));
    assert_false(more);
    assert_int_equal(c.at, c.size);
    c = over("\"a\" 1");
    first = true;
    refused(json_cursor_member(&c, &first, &key, &more),
        "f.json: map: expected ':', found 1 at byte 4");
    c = over("1:");
    first = true;
    refused(json_cursor_member(&c, &first, &key, &more),
        "f.json: map: expected a string, found 1 at byte 0");
    c = over(" x");
    refused(json_cursor_expect(&c, '{'), "f.json: map: expected an object, found x at byte 1");
    refused(json_cursor_expect(&c, '['), "f.json: map: expected an array, found x at byte 1");
}

static void a_value_of_any_kind_is_stepped_over(void **state)
{
    (void)state;
    static const char *const values[] = { "1", "-2.5e3", "true", "null", "\"a\"", "\"a\\\"]}\"",
        "[]", "{}", "[1, [2, \"]\"], {\"a\": []}]", "{\"a\": \"}\", \"b\": [1, 2]}", "\"\\\\\"" };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[80];
        snprintf(text, sizeof text, " %s , 7", values[i]);
        json_cursor c = over(text);
        succeeds(json_cursor_skip(&c));
        assert_int_equal(c.at, 1 + strlen(values[i]));
        assert_true(json_cursor_take(&c, ','));
    }
    static const char *const bad[] = { "", "  ", "]", "}", "[1", "{\"a\": [1, 2]", "[\"a" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_cursor c = over(bad[i]);
        refuses(json_cursor_skip(&c), CADRE_EFORMAT, "f.json: map: expected a value, found ");
    }
    json_cursor c = over(" ], 1");
    refused(json_cursor_skip(&c), "f.json: map: expected a value, found ] at byte 1");
}

static void without_memory_a_string_is_refused(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    json_cursor c = over("\"abc\\n\"");
    string_view v;
    mem_fail_at(1, false);
    cadre_status status = json_cursor_string(&c, &v);
    mem_fail_at(0, false);
    assert_int_equal(status, CADRE_ENOMEM);
    json_cursor_free(&c);
    assert_int_equal(mem_balance(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(what_is_no_string_is_refused_where_it_fails),
        cmocka_unit_test(nul_is_taken_where_it_is_asked_for),
        cmocka_unit_test(a_string_lasts_while_one_more_is_read),
        cmocka_unit_test(integers_are_taken_up_to_their_bounds),
        cmocka_unit_test(reals_are_taken_up_to_their_bounds),
        cmocka_unit_test(items_are_parted_by_commas),
        cmocka_unit_test(members_have_a_key_and_a_colon),
        cmocka_unit_test(a_value_of_any_kind_is_stepped_over),
        cmocka_unit_test(without_memory_a_string_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
