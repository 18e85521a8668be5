/* routing_options_test.c - every row of the table of routing options holds its bounds: what lies at
 * them is taken, what lies beyond, or is no number, is refused with the option's name. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cadre.h"
#include "support/succeeds.h"

static cadre_option_table table;
static cadre_options *options;

static int begin(void **state)
{
    (void)state;
    table = cadre_routing_options();
    return cadre_options_new(&table, 1, &options) != CADRE_OK;
}

static int end(void **state)
{
    (void)state;
    cadre_options_free(options);
    return 0;
}

static void taken(const cadre_option *o, const char *value)
{
    if (cadre_options_set(options, o->name, value) != CADRE_OK)
        fail_msg("--%s %s: %s", o->name, value, cadre_last_error());
    assert_true(cadre_options_given(options, o->name));
}

static void refused(const cadre_option *o, const char *value)
{
    char name[64];
    snprintf(name, sizeof name, "--%s: ", o->name);
    if (cadre_options_set(options, o->name, value) != CADRE_EARGUMENT)
        fail_msg("--%s %s is taken", o->name, value);
    if (!strstr(cadre_last_error(), name))
        fail_msg("--%s %s: %s", o->name, value, cadre_last_error());
}

static bool is_integer(const cadre_option *o)
{
    return o->kind == CADRE_OPTION_INT || o->kind == CADRE_OPTION_INTS;
}

static bool is_real(const cadre_option *o)
{
    return o->kind == CADRE_OPTION_REAL || o->kind == CADRE_OPTION_REALS;
}

static bool is_list(const cadre_option *o)
{
    return o->kind == CADRE_OPTION_INTS || o->kind == CADRE_OPTION_REALS;
}

static bool is_word(const cadre_option *o)
{
    return o->kind == CADRE_OPTION_CHOICE || o->kind == CADRE_OPTION_CHOICES;
}

static void integers_hold_their_bounds(void **state)
{
    (void)state;
    int count = 0;
    for (int i = 0; i < table.count; i++) {
        const cadre_option *o = &table.rows[i];
        char text[64];
        if (!is_integer(o)) continue;
        snprintf(text, sizeof text, "%.0f", o->min), taken(o, text);
        assert_int_equal(cadre_options_int(options, o->name, 0), (int64_t)o->min);
        snprintf(text, sizeof text, "%.0f", o->max), taken(o, text);
        assert_int_equal(cadre_options_int(options, o->name, 0), (int64_t)o->max);
        snprintf(text, sizeof text, "%.0f", o->min - 1), refused(o, text);
        snprintf(text, sizeof text, "%.0f", o->max + 1), refused(o, text);
        static const char *const none[] = { "", " ", "x", "1x", "1.5", "0x10",
            "99999999999999999999", "-99999999999999999999" };
        for (size_t k = 0; k < sizeof none / sizeof *none; k++) refused(o, none[k]);
        assert_int_equal(cadre_options_int(options, o->name, 0), (int64_t)o->max); /* as it was */
        count++;
    }
    assert_true(count > 5);
}

static void reals_hold_their_bounds(void **state)
{
    (void)state;
    int count = 0;
    for (int i = 0; i < table.count; i++) {
        const cadre_option *o = &table.rows[i];
        char text[64];
        if (!is_real(o)) continue;
        assert_true(o->min == 0 && o->max > 0);
        taken(o, "0");
        snprintf(text, sizeof text, "%.17g", o->max), taken(o, text);
        snprintf(text, sizeof text, "%.17g", nextafter(o->max, INFINITY)), refused(o, text);
        snprintf(text, sizeof text, "%.17g", -0x1p-1074), refused(o, text);
        static const char *const none[] = { "", "x", "1..5", "nan", "inf", "-inf", "0.5x",
            "1e999" };
        for (size_t k = 0; k < sizeof none / sizeof *none; k++) refused(o, none[k]);
        count++;
    }
    assert_true(count > 15);
}

/* One bad number of a list, wherever it stands, refuses the list. */
static void each_number_of_a_list_is_held(void **state)
{
    (void)state;
    for (int i = 0; i < table.count; i++) {
        const cadre_option *o = &table.rows[i];
        char text[128];
        if (!is_list(o)) continue;
        snprintf(text, sizeof text, "%.17g,%.17g,%.17g", o->max, o->min, o->max), taken(o, text);
        assert_int_equal(cadre_options_count(options, o->name), 3);
        snprintf(text, sizeof text, "%.17g,%.17g", o->max, o->max + o->max), refused(o, text);
        snprintf(text, sizeof text, "%.17g,%.17g", o->min - 1, o->max), refused(o, text);
        snprintf(text, sizeof text, "%.17g,", o->max), refused(o, text);
        snprintf(text, sizeof text, ",%.17g", o->max), refused(o, text);
        snprintf(text, sizeof text, "%.17g,,%.17g", o->max, o->max), refused(o, text);
        assert_int_equal(cadre_options_count(options, o->name), 3); /* as it was */
    }
}

static void words_are_those_of_the_list(void **state)
{
    (void)state;
    int lists = 0;
    for (int i = 0; i < table.count; i++) {
        const cadre_option *o = &table.rows[i];
        const char *word;
        if (cadre_option_is_flag(o)) {
            taken(o, "yes");
            assert_true(cadre_options_flag(options, o->name));
            taken(o, "no");
            assert_false(cadre_options_flag(options, o->name));
            refused(o, "maybe");
        }
        if (!is_word(o)) continue;
        for (int k = 0; (word = cadre_option_choice(o, k)); k++) {
            char longer[64];
            taken(o, word);
            assert_string_equal(cadre_options_text(options, o->name, 0), word);
            snprintf(longer, sizeof longer, "%sx", word), refused(o, longer);
            if (o->meaning) assert_true(strlen(o->meaning(k)) > 0);
        }
        refused(o, "");
        lists++;
    }
    assert_true(lists >= 8);
}

/* One bad word, wherever it stands, refuses the list; "none" is a word where the row has it. */
static void each_word_of_a_list_is_held(void **state)
{
    (void)state;
    for (int i = 0; i < table.count; i++) {
        const cadre_option *o = &table.rows[i];
        char text[128];
        bool flags = o->kind == CADRE_OPTION_FLAGS;
        if (o->kind != CADRE_OPTION_CHOICES && !flags) continue;
        const char *a = flags ? "no" : cadre_option_choice(o, 0),
                   *b = flags ? "yes" : cadre_option_choice(o, 1);
        snprintf(text, sizeof text, "%s,%s,%s", b, a, b), taken(o, text);
        assert_int_equal(cadre_options_count(options, o->name), 3);
        assert_string_equal(cadre_options_text(options, o->name, 1), a);
        snprintf(text, sizeof text, "%s,maybe", a), refused(o, text);
        snprintf(text, sizeof text, "maybe,%s", a), refused(o, text);
        snprintf(text, sizeof text, "%s,", a), refused(o, text);
        snprintf(text, sizeof text, "%s,,%s", a, a), refused(o, text);
        assert_int_equal(cadre_options_count(options, o->name), 3); /* as it was */
    }
    assert_int_equal(cadre_options_set(options, "overflow", "none"), CADRE_OK);
    assert_int_equal(cadre_options_count(options, "overflow"), 1);
}

/* What help shows of a row: a name in the way of names, a sentence without a full stop. */
static void rows_can_be_shown(void **state)
{
    (void)state;
    for (int i = 0; i < table.count; i++) {
        const cadre_option *o = &table.rows[i];
        size_t length = strlen(o->help);
        assert_int_equal(strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(o->name));
        assert_true(length > 10 && o->help[length - 1] != '.' && !strstr(o->help, "  "));
        assert_non_null(o->subject);
        for (int k = 0; k < i; k++) assert_string_not_equal(o->name, table.rows[k].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_hold_their_bounds),
        cmocka_unit_test(reals_hold_their_bounds),
        cmocka_unit_test(each_number_of_a_list_is_held),
        cmocka_unit_test(words_are_those_of_the_list),
        cmocka_unit_test(each_word_of_a_list_is_held),
        cmocka_unit_test(rows_can_be_shown),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
