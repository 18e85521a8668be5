/* added_tokens_test.c - which added token is found where in a text, and what white space it takes
 * along. */
#include "text/added_tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/succeeds.h"

static void add(added_tokens *a, added_token token, const char *spelling)
{
    succeeds(added_tokens_add(a, token, spelling, strlen(spelling)));
}

/* "id:begin-end ..." of all tokens that are found. */
static void finds(
    const added_tokens *a, const added_search *search, const char *text, const char *expected)
{
    char found[256] = "";
    added_match match = { 0 };
    const added_search plain = { 0 };
    while (
        added_tokens_next(a, search ? search : &plain, (string_view){ text, strlen(text) }, &match))
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%d:%zu-%zu",
            *found ? " " : "", match.token->id, match.begin, match.end);
    if (strcmp(found, expected)) fail_msg("in \"%s\": %s, expected %s", text, found, expected);
}

static void from_left_to_right(void **state)
{
    (void)state;
    added_tokens a = { 0 };
    finds(&a, NULL, "nothing is there", "");
    add(&a, (added_token){ .id = 1 }, "<a>");
    add(&a, (added_token){ .id = 2 }, "<a><b>");
    add(&a, (added_token){ .id = 3 }, "b>x");
    finds(&a, NULL, "", "");
    finds(&a, NULL, "<a", "");
    finds(&a, NULL, "<a>", "1:0-3");
    finds(&a, NULL, "x<a><a>y", "1:1-4 1:4-7");
    finds(&a, NULL, "<a><b>x", "2:0-6"); /* the longest, though another ends in the text too */
    finds(&a, NULL, "<a><bb>x", "1:0-3 3:5-8"); /* the longest that is there */
    added_tokens_free(&a);
}

static void by_id(void **state)
{
    (void)state;
    added_tokens a = { 0 };
    assert_null(added_tokens_find(&a, 0));
    add(&a, (added_token){ .id = 7, .special = true }, "<s>");
    add(&a, (added_token){ .id = 0 }, "<n>");
    assert_true(added_tokens_find(&a, 7)->special);
    assert_false(added_tokens_find(&a, 0)->special);
    assert_null(added_tokens_find(&a, 1));
    assert_null(added_tokens_find(&a, -1));
    added_tokens_free(&a);
}

static void white_space(void **state)
{
    (void)state;
    added_tokens a = { 0 };
    add(&a, (added_token){ .id = 1, .lstrip = true }, "<l>");
    add(&a, (added_token){ .id = 2, .rstrip = true }, "<r>");
    add(&a, (added_token){ .id = 3, .lstrip = true, .rstrip = true }, "<b>");
    add(&a, (added_token){ .id = 4 }, "  ");
    finds(&a, NULL, "x \t<l> y", "1:1-6");
    finds(&a, NULL, "x <r> \ny", "2:2-7");
    finds(&a, NULL, "\xc2\xa0<b>\xe2\x80\x83z", "3:0-8"); /* spaces of more than one byte */
    finds(&a, NULL, "<l>", "1:0-3");
    /* What an earlier one took, the next one does not take again */
    finds(&a, NULL, "<r> <l>", "2:0-4 1:4-7");
    /* A token that is white space is found in it all the same, as the package does */
    finds(&a, NULL, "<r>  x", "2:0-5 4:3-5");
    finds(&a, NULL, "<r>   x  y", "2:0-6 4:3-5 4:7-9");
    finds(&a, NULL, "  <l>", "4:0-2 1:2-5");
    /* ... unless it would take what is before it, all of which is taken */
    add(&a, (added_token){ .id = 5, .lstrip = true }, "\t\t");
    finds(&a, NULL, "<r>\t\tx", "2:0-5");
    added_tokens_free(&a);
}

static void single_words(void **state)
{
    (void)state;
    added_tokens a = { 0 };
    add(&a, (added_token){ .id = 1, .single_word = true }, "and");
    finds(&a, NULL, "and", "1:0-3");
    finds(&a, NULL, "hand sand andy 1and and_", "");
    finds(&a, NULL, "(and) and, and", "1:1-4 1:6-9 1:11-14");
    finds(&a, NULL,
        "\xc3\xa9"
        "and",
        ""); /* a letter of two bytes */
    finds(&a, NULL,
        "\xff"
        "and",
        "1:1-4"); /* bytes that are no character are no word */
    finds(&a, NULL, "andand", "");
    added_tokens_free(&a);
}

static void normalized(void **state)
{
    (void)state;
    added_tokens a = { 0 };
    const added_search normal = { .normal = true };
    add(&a, (added_token){ .id = 1 }, "<a>");
    add(&a, (added_token){ .id = 2, .normalized = true }, "<n>");
    finds(&a, NULL, "<a><n>", "1:0-3");
    finds(&a, &normal, "<a><n>", "2:3-6");
    added_tokens_free(&a);
}

/* In a literal part control tokens are plain text; others are tokens there too. */
static void literal_parts(void **state)
{
    (void)state;
    added_tokens a = { 0 };
    const text_range parts[] = { { 0, 3 }, { 8, 10 }, { 14, 16 } };
    const added_search search = { .literal = parts, .literal_count = 3 };
    add(&a, (added_token){ .id = 1, .control = true }, "<a>");
    add(&a, (added_token){ .id = 2 }, "<b>");
    finds(&a, &search, "<a><a>", "1:3-6");    /* the first part ends where it begins */
    finds(&a, &search, "xx<a>xxxxxxxxx", ""); /* it begins in a part */
    finds(&a, &search, "xxxxxx<a>xxxxx", ""); /* ... ends in one */
    finds(&a, &search, "xxxxxxx<a>xxxx", ""); /* ... holds one */
    finds(&a, &search, "xxxxx<a><a>xxxx", "1:5-8");
    finds(&a, &search, "xxxxxxxxxx<a>xx<a>", "1:10-13");
    finds(&a, &search, "<b>xxxxx<b>", "2:0-3 2:8-11");
    added_tokens_free(&a);
}

static void control(void **state)
{
    (void)state;
    static const struct {
        const char *spelling;
        bool control;
    } cases[] = { { "<|im_start|>", true }, { "<|a|>", true }, { "<||>", false }, { "<|a>", false },
        { "<a|>", false }, { "<s>", false }, { "", false }, { "<|", false },
        { "<\xef\xbd\x9cUser\xef\xbd\x9c>", true }, { "<\xef\xbd\x9c\xef\xbd\x9c>", false },
        { "<\xef\xbd\x9cUser|>", false } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(added_tokens_looks_control(cases[i].spelling, strlen(cases[i].spelling)),
            cases[i].control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_left_to_right),
        cmocka_unit_test(by_id),
        cmocka_unit_test(white_space),
        cmocka_unit_test(single_words),
        cmocka_unit_test(normalized),
        cmocka_unit_test(literal_parts),
        cmocka_unit_test(control),
    };
    return cmocka_run_group_tests_name("added tokens", tests, NULL, NULL);
}
