/* regex_look_test.c - where the conditions of a pattern begin and end, and what they leave out. */
#include "grammar/regex_look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "grammar/regex.h"
#include "grammar/walked.h"
#include "support/succeeds.h"

/* ---- where they are ---- */

static const struct {
    const char *pattern, *looks[3]; /* with ! or = before what stands in the brackets */
    const char *rest;
} cut[] = {
    { "^abc", { 0 }, "^abc" },
    { "(?!a)b", { 0 }, "(?!a)b" },
    { "^(?!a)b$", { "!a" }, "b$" },
    { "^(?=a)(?!b|c)d", { "=a", "!b|c" }, "d" },
    { "^(?!(a(b))c)x", { "!(a(b))c" }, "x" },
    { "^(?!\\)[)(]\\[)x", { "!\\)[)(]\\[" }, "x" },
    { "^(?![\\])])x", { "![\\])]" }, "x" },
    { "^(?!a", { 0 }, "^(?!a" },
    { "^(?:a)(?!b)", { 0 }, "^(?:a)(?!b)" },
    { "^(?<!a)b", { 0 }, "^(?<!a)b" },
    { "^(?!a\\", { 0 }, "^(?!a\\" },
    { "^", { 0 }, "^" },
    { "", { 0 }, "" },
};

static void conditions_are_cut_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        const char *pattern = cut[i].pattern;
        size_t at = 0, count = 0;
        for (regex_look look; regex_look_next(pattern, strlen(pattern), &at, &look); count++) {
            assert_true(count < 3 && cut[i].looks[count]);
            assert_int_equal(cut[i].looks[count][0], look.never ? '!' : '=');
            assert_int_equal(strlen(cut[i].looks[count] + 1), look.size);
            assert_memory_equal(cut[i].looks[count] + 1, look.pattern, look.size);
        }
        assert_true(count == 3 || !cut[i].looks[count]);
        assert_string_equal(pattern + at, cut[i].rest);
    }
}

static void alternatives_outside_of_brackets_are_seen(void **state)
{
    (void)state;
    static const char *const choices[] = { "a|b", "|", "(a)|b", "[|]|", "\\\\|a" };
    static const char *const others[] = { "", "(a|b)", "[|]", "\\|", "a(b(c|d)e|f)", "[\\]|]", "[",
        "\\" };
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        assert_true(regex_is_choice(choices[i], strlen(choices[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(regex_is_choice(others[i], strlen(others[i])));
}

/* ---- what they leave ---- */

static const struct {
    const char *pattern, *taken[4], *left[4];
} conditions[] = {
    { "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$", { "1", "-0.5", "+12.", ".5" }, { "", "+", "-.", "1e" } },
    { "^(?!\\.)(?!.*\\.\\.)([a-z.]*)[a-z]@([a-z]+\\.)+[a-z]{2,}$", { "a@b.cd", "a.b@c.d.ef" },
        { ".a@b.cd", "a..b@c.de", "a@b", "@b.cd" } },
    { "^(?=.*\\d)(?=.*[a-z])[a-z0-9]{3,5}$", { "a1b", "12c45", "abc1" }, { "abc", "123", "a1" } },
    { "^(?!admin|root$)[a-z]+$", { "rooted", "user", "adm" },
        { "admin", "administrator", "root" } },
    { "^(?=a|b)", { "a", "bcd" }, { "", "c", "ca" } },
};

static void what_they_leave_out_is_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        int64_t work = NETWORK_WORK_MAX;
        const char *pattern = conditions[i].pattern;
        chars c;
        succeeds(regex_read(pattern, strlen(pattern), "P", &work, &c));
        for (int k = 0; k < 4 && conditions[i].taken[k]; k++)
            if (!walked(&c, conditions[i].taken[k]))
                fail_msg("%s leaves out %s", pattern, conditions[i].taken[k]);
        for (int k = 0; k < 4 && conditions[i].left[k]; k++)
            if (walked(&c, conditions[i].left[k]))
                fail_msg("%s takes %s", pattern, conditions[i].left[k]);
        assert_true(work < NETWORK_WORK_MAX);
        chars_free(&c);
    }
}

/* In the middle, behind, and beside an alternative they are refused. */
static void others_are_refused(void **state)
{
    (void)state;
    static const char *const patterns[] = { "a(?!b)", "^(?!a)b|c", "(?!a)b", "^a(?=b)", "^(?<=a)b",
        "^(?!(?!a))b", "^((?!a)b)" };
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        int64_t work = NETWORK_WORK_MAX;
        chars c;
        cadre_status status = regex_read(patterns[i], strlen(patterns[i]), "P", &work, &c);
        chars_free(&c);
        if (status != CADRE_EUNSUPPORTED) fail_msg("%s is not refused", patterns[i]);
        assert_non_null(strstr(cadre_last_error(), "looks around"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_cut_off),
        cmocka_unit_test(alternatives_outside_of_brackets_are_seen),
        cmocka_unit_test(what_they_leave_out_is_out),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
