/* options_test.c - bounds, lists, files and the wording of refusals. */
#include "base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/succeeds.h"

static const cadre_option rows[] = {
    { .name = "layers",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 100,
        .fallback = "4",
        .help = "h" },
    { .name = "min-lr-ratio", .kind = CADRE_OPTION_REAL, .min = 0, .max = 1, .help = "h" },
    { .name = "tie", .kind = CADRE_OPTION_FLAG, .help = "h" },
    { .name = "schedule",
        .kind = CADRE_OPTION_CHOICE,
        .choices = OPTION_CHOICES("constant", "cosine", "wsd"),
        .help = "h" },
    { .name = "experts", .kind = CADRE_OPTION_INTS, .min = 1, .max = 64, .help = "h" },
    { .name = "no-decay",
        .kind = CADRE_OPTION_CHOICES,
        .choices = OPTION_CHOICES("norms", "biases"),
        .fallback = "norms",
        .help = "h" },
    { .name = "data", .kind = CADRE_OPTION_PATHS, .help = "h" },
};

static int setup(void **state)
{
    const cadre_option_table tables[] = { OPTION_TABLE(rows), cadre_run_options() };
    return cadre_options_new(tables, 2, (cadre_options **)state);
}

static int teardown(void **state)
{
    cadre_options_free(*state);
    return 0;
}

static void expect_refused(
    cadre_options *o, const char *name, const char *value, const char *sentence)
{
    assert_int_equal(cadre_options_set(o, name, value), CADRE_EARGUMENT);
    assert_string_equal(cadre_last_error(), sentence);
}

static void defaults_are_values_that_nobody_gave(void **state)
{
    cadre_options *o = *state;
    assert_int_equal(cadre_options_int(o, "layers", 0), 4);
    assert_false(cadre_options_given(o, "layers"));
    assert_int_equal(cadre_options_count(o, "min-lr-ratio"), 0);
    assert_null(cadre_options_text(o, "schedule", 0));
    assert_true(options_real_or(o, "min-lr-ratio", 0.5) == 0.5);
    assert_int_equal(cadre_options_int(o, "seed", 0), 1);
}

static void the_last_value_wins(void **state)
{
    cadre_options *o = *state;
    assert_int_equal(cadre_options_set(o, "layers", "7"), CADRE_OK);
    assert_int_equal(cadre_options_set(o, "layers", "9"), CADRE_OK);
    assert_int_equal(cadre_options_int(o, "layers", 0), 9);
    assert_true(cadre_options_given(o, "layers"));
}

static void numbers_out_of_bounds_are_refused_and_change_nothing(void **state)
{
    cadre_options *o = *state;
    expect_refused(o, "layers", "0", "--layers: expected an integer from 1 to 100, found '0'");
    expect_refused(o, "layers", "7x", "--layers: expected an integer from 1 to 100, found '7x'");
    expect_refused(o, "layers", "", "--layers: expected an integer from 1 to 100, found ''");
    expect_refused(o, "layers", "99999999999999999999",
        "--layers: expected an integer from 1 to 100, found '99999999999999999999'");
    expect_refused(
        o, "min-lr-ratio", "nan", "--min-lr-ratio: expected a number from 0 to 1, found 'nan'");
    expect_refused(
        o, "min-lr-ratio", "1.1", "--min-lr-ratio: expected a number from 0 to 1, found '1.1'");
    expect_refused(o, "tie", "maybe", "--tie: expected yes or no, found 'maybe'");
    assert_int_equal(cadre_options_int(o, "layers", 0), 4);
}

static void words_are_refused_with_the_nearest(void **state)
{
    cadre_options *o = *state;
    expect_refused(o, "schedule", "cosin",
        "--schedule: expected constant, cosine or wsd, found 'cosin'\ndid you mean 'cosine'?");
    expect_refused(o, "layrs", "3", "unknown option 'layrs'\ndid you mean 'layers'?");
    expect_refused(o, "zzzzzz", "3", "unknown option 'zzzzzz'");
    assert_int_equal(cadre_options_set(o, "schedule", "wsd"), CADRE_OK);
    assert_string_equal(cadre_options_text(o, "schedule", 0), "wsd");
}

static void lists_give_one_number_for_all_layers_or_one_each(void **state)
{
    cadre_options *o = *state;
    int64_t experts[3] = { 5, 5, 5 };
    assert_int_equal(options_layers(o, "experts", 3, experts), CADRE_OK);
    assert_int_equal(experts[2], 5);
    assert_int_equal(cadre_options_set(o, "experts", "8"), CADRE_OK);
    assert_int_equal(options_layers(o, "experts", 3, experts), CADRE_OK);
    assert_int_equal(experts[2], 8);
    assert_int_equal(cadre_options_set(o, "experts", "8,16,32"), CADRE_OK);
    assert_int_equal(options_layers(o, "experts", 3, experts), CADRE_OK);
    assert_int_equal(experts[1], 16);
    assert_int_equal(options_layers(o, "experts", 2, experts), CADRE_EARGUMENT);
    assert_string_equal(
        cadre_last_error(), "--experts: expected one number, or one for each of 2 layers, found 3");
    expect_refused(o, "experts", "8,,32", "--experts: expected an integer from 1 to 64, found ''");
}

static void lists_of_words_can_be_empty(void **state)
{
    cadre_options *o = *state;
    assert_true(cadre_options_has(o, "no-decay", "norms"));
    assert_int_equal(cadre_options_set(o, "no-decay", "none"), CADRE_OK);
    assert_int_equal(cadre_options_count(o, "no-decay"), 0);
    assert_int_equal(cadre_options_set(o, "no-decay", "norms,biases"), CADRE_OK);
    assert_true(cadre_options_has(o, "no-decay", "biases"));
    assert_int_equal(cadre_options_set(o, "no-decay", "norm"), CADRE_EARGUMENT);
    assert_int_equal(cadre_options_count(o, "no-decay"), 2);
}

static void paths_add_up(void **state)
{
    cadre_options *o = *state;
    assert_int_equal(cadre_options_set(o, "data", "a,b"), CADRE_OK);
    assert_int_equal(cadre_options_add(o, "data", "c"), CADRE_OK);
    assert_int_equal(cadre_options_count(o, "data"), 2);
    assert_string_equal(cadre_options_text(o, "data", 0), "a,b");
    expect_refused(o, "data", "", "--data: expected a path, found nothing");
}

static void a_copy_takes_what_was_given(void **state)
{
    cadre_options *o = *state, *to;
    const cadre_option_table some = { rows, 5 };
    assert_int_equal(cadre_options_new(&some, 1, &to), CADRE_OK);
    assert_int_equal(cadre_options_set(o, "experts", "8,16"), CADRE_OK);
    assert_int_equal(cadre_options_set(o, "data", "x"), CADRE_OK); /* not in `to` */
    assert_int_equal(cadre_options_set(to, "layers", "9"), CADRE_OK);
    assert_int_equal(cadre_options_copy(to, o), CADRE_OK);
    assert_int_equal(cadre_options_int(to, "experts", 1), 16);
    assert_int_equal(cadre_options_int(to, "layers", 0), 9); /* a default is not given */
    assert_false(cadre_options_given(to, "tie"));
    cadre_options_free(to);
}

static void write_text(const char *text, char path[64])
{
    snprintf(path, 64, "/tmp/options_test-%ld.json", (long)getpid());
    assert_int_equal(file_write(path, text, strlen(text)), CADRE_OK);
}

static cadre_status load_text(cadre_options *o, const char *text)
{
    char path[64];
    write_text(text, path);
    cadre_status status = cadre_options_load(o, path);
    assert_int_equal(file_remove(path), CADRE_OK);
    return status;
}

static void a_file_sets_every_kind(void **state)
{
    cadre_options *o = *state;
    assert_int_equal(
        load_text(o,
            "{\"layers\": 3, \"min_lr_ratio\": 1e-3, \"tie\": true, \"experts\": [4, 8],"
            " \"no_decay\": \"norms,biases\", \"data\": [\"x\", \"y\"], \"schedule\": \"wsd\"}"),
        CADRE_OK);
    assert_int_equal(cadre_options_int(o, "layers", 0), 3);
    assert_true(cadre_options_real(o, "min-lr-ratio") == 1e-3);
    assert_true(cadre_options_flag(o, "tie"));
    assert_int_equal(cadre_options_int(o, "experts", 1), 8);
    assert_true(cadre_options_has(o, "no-decay", "biases"));
    assert_string_equal(cadre_options_text(o, "data", 1), "y");
}

static void expect_file_refused(
    cadre_options *o, const char *text, cadre_status code, const char *part)
{
    assert_int_equal(load_text(o, text), code);
    assert_non_null(strstr(cadre_last_error(), part));
}

static void a_file_is_held_to_the_same_bounds(void **state)
{
    cadre_options *o = *state;
    expect_file_refused(o, "{\"layers\": 0}", CADRE_EARGUMENT,
        ".json: layers: expected an integer from 1 to 100, found '0'");
    expect_file_refused(o, "{\"layers\": 2.5}", CADRE_EARGUMENT, "found '2.5'");
    expect_file_refused(o, "{\"layers\": [2]}", CADRE_EARGUMENT, "found another kind");
    expect_file_refused(o, "{\"layers\": null}", CADRE_EARGUMENT, "found another kind");
    expect_file_refused(o, "{\"experts\": [2, {}]}", CADRE_EARGUMENT, "found another kind");
    expect_file_refused(o, "{\"min_lr\": 1}", CADRE_EARGUMENT,
        ".json: unknown option 'min_lr'\ndid you mean 'min-lr-ratio'?");
    expect_file_refused(o, "{\"layers\": 1, \"layers\": 2}", CADRE_EFORMAT, "duplicate");
    expect_file_refused(o, "[1]", CADRE_EFORMAT, "expected a JSON object");
    expect_file_refused(o, "{\"layers\": ", CADRE_EFORMAT, "line 1");
    assert_int_equal(cadre_options_load(o, "/nowhere/at/all.json"), CADRE_EIO);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    const cadre_option_table tables[] = { OPTION_TABLE(rows), cadre_run_options() };
    char path[64];
    write_text("{\"data\": [\"x\", \"y\"]}", path);
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        assert_int_equal(status, CADRE_ENOMEM);
        mem_fail_at(n, false);
        cadre_options *o = NULL;
        status = cadre_options_new(tables, 2, &o);
        if (status == CADRE_OK) status = cadre_options_set(o, "experts", "1,2,3");
        if (status == CADRE_OK) status = cadre_options_load(o, path);
        mem_fail_at(0, false);
        cadre_options_free(o);
    }
    assert_int_equal(file_remove(path), CADRE_OK);
}

static void the_library_s_own_tables_agree_with_themselves(void **state)
{
    (void)state;
    const cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options() };
    cadre_options *o;
    assert_int_equal(cadre_options_new(tables, 4, &o), CADRE_OK);
    for (int t = 0; t < 4; t++)
        for (int i = 0; i < tables[t].count; i++) {
            assert_non_null(tables[t].rows[i].help);
            assert_non_null(tables[t].rows[i].subject);
        }
    cadre_options_free(o);
}

/* ---- every kind ---- */

static const cadre_option kinds[] = {
    { .name = "size", .kind = CADRE_OPTION_INT, .min = -5, .max = 5, .help = "h" },
    { .name = "rate", .kind = CADRE_OPTION_REAL, .min = -1, .max = 1, .help = "h" },
    { .name = "tie", .kind = CADRE_OPTION_FLAG, .fallback = "yes", .help = "h" },
    { .name = "name", .kind = CADRE_OPTION_TEXT, .help = "h" },
    { .name = "stop", .kind = CADRE_OPTION_TEXTS, .help = "h" },
    { .name = "out", .kind = CADRE_OPTION_PATH, .help = "h" },
    { .name = "one", .kind = CADRE_OPTION_CHOICE, .choices = OPTION_CHOICES("Only"), .help = "h" },
};

static int setup_kinds(void **state)
{
    const cadre_option_table table = OPTION_TABLE(kinds);
    return cadre_options_new(&table, 1, (cadre_options **)state);
}

static void bounds_are_values_too(void **state)
{
    cadre_options *o = *state;
    static const char *const least[] = { "-5", "-1" }, *const most[] = { "5", "1" },
                             *const beyond[] = { "6", "1.0001" },
                             *const below[] = { "-6", "-1.0001" };
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "rate" : "size";
        succeeds(cadre_options_set(o, name, least[i]));
        succeeds(cadre_options_set(o, name, most[i]));
        assert_int_equal(cadre_options_set(o, name, beyond[i]), CADRE_EARGUMENT);
        assert_int_equal(cadre_options_set(o, name, below[i]), CADRE_EARGUMENT);
    }
    assert_int_equal(options_int_or(o, "size", 0), 5);
    assert_true(cadre_options_real(o, "rate") == 1);
    expect_refused(o, "rate", "0.5x", "--rate: expected a number from -1 to 1, found '0.5x'");
    expect_refused(o, "rate", "", "--rate: expected a number from -1 to 1, found ''");
    expect_refused(o, "rate", "inf", "--rate: expected a number from -1 to 1, found 'inf'");
}

static void a_flag_is_yes_or_no_in_two_words_each(void **state)
{
    cadre_options *o = *state;
    static const char *const word[] = { "no", "yes", "false", "true" };
    assert_true(cadre_options_flag(o, "tie"));
    for (int i = 0; i < 4; i++) {
        succeeds(cadre_options_set(o, "tie", word[i]));
        assert_int_equal(cadre_options_flag(o, "tie"), i % 2);
        assert_int_equal(options_flag_or(o, "tie", !(i % 2)), i % 2);
    }
    expect_refused(o, "tie", "", "--tie: expected yes or no, found ''");
}

static void what_nobody_gave_is_what_the_caller_says(void **state)
{
    cadre_options *o = *state;
    assert_int_equal(options_int_or(o, "size", 3), 3);
    assert_true(options_real_or(o, "rate", 0.25) == 0.25);
    assert_string_equal(options_text_or(o, "name", "none"), "none");
    assert_null(cadre_options_text(o, "name", 0));
    assert_false(cadre_options_has(o, "stop", "x"));
    succeeds(cadre_options_set(o, "name", "a,b"));
    assert_string_equal(options_text_or(o, "name", "none"), "a,b");
    assert_null(cadre_options_text(o, "name", 1));
}

static void a_word_is_taken_in_any_case_and_kept_as_the_table_has_it(void **state)
{
    cadre_options *o = *state;
    succeeds(cadre_options_set(o, "one", "oNLY"));
    assert_string_equal(cadre_options_text(o, "one", 0), "Only");
    expect_refused(o, "one", "Onlyx", "--one: expected Only, found 'Onlyx'\ndid you mean 'Only'?");
    expect_refused(o, "one", "Onl", "--one: expected Only, found 'Onl'\ndid you mean 'Only'?");
}

static void texts_add_up_and_may_be_empty(void **state)
{
    cadre_options *o = *state;
    succeeds(cadre_options_add(o, "stop", "a,b"));
    succeeds(cadre_options_add(o, "stop", ""));
    assert_int_equal(cadre_options_count(o, "stop"), 2);
    assert_string_equal(cadre_options_text(o, "stop", 0), "a,b");
    assert_string_equal(cadre_options_text(o, "stop", 1), "");
    assert_true(cadre_options_given(o, "stop"));
    assert_int_equal(cadre_options_add(o, "stops", "x"), CADRE_EARGUMENT);
    assert_string_equal(cadre_last_error(), "unknown option 'stops'\ndid you mean 'stop'?");
    assert_int_equal(cadre_options_add(o, "out", ""), CADRE_EARGUMENT);
    assert_string_equal(cadre_last_error(), "--out: expected a path, found nothing");
    assert_int_equal(cadre_options_count(o, "out"), 0);
    assert_false(cadre_options_given(o, "out"));
}

static void a_recipe_supplies_only_what_is_missing(void **state)
{
    cadre_options *o = *state;
    succeeds(options_supply(o, "size", "2"));
    assert_int_equal(cadre_options_int(o, "size", 0), 2);
    assert_false(cadre_options_given(o, "size"));
    succeeds(options_supply(o, "size", "4")); /* there is one */
    assert_int_equal(cadre_options_int(o, "size", 0), 2);
    succeeds(options_supply(o, "tie", "no")); /* there is a default */
    assert_true(cadre_options_flag(o, "tie"));
    succeeds(cadre_options_set(o, "name", "given"));
    succeeds(options_supply(o, "name", "supplied"));
    assert_string_equal(cadre_options_text(o, "name", 0), "given");
    assert_int_equal(options_supply(o, "rate", "2"), CADRE_EARGUMENT);
    assert_string_equal(cadre_last_error(), "rate: expected a number from -1 to 1, found '2'");
}

static void rows_are_found_by_name_alone(void **state)
{
    cadre_options *o = *state;
    assert_ptr_equal(cadre_options_row(o, "rate"), &kinds[1]);
    assert_null(cadre_options_row(o, "rat"));
    assert_string_equal(cadre_option_choice(&kinds[6], 0), "Only");
    assert_null(cadre_option_choice(&kinds[6], 1));
    assert_null(cadre_option_choice(&kinds[0], 0));
}

static void a_file_says_words_and_numbers_as_the_command_line_does(void **state)
{
    cadre_options *o = *state;
    succeeds(load_text(o, "{\"size\": \"-3\", \"rate\": \"0.5\", \"tie\": false,"
                          " \"stop\": \"x,y\", \"name\": 7}"));
    assert_int_equal(cadre_options_int(o, "size", 0), -3);
    assert_true(cadre_options_real(o, "rate") == 0.5);
    assert_false(cadre_options_flag(o, "tie"));
    assert_int_equal(cadre_options_count(o, "stop"), 1);
    assert_string_equal(cadre_options_text(o, "name", 0), "7");
    succeeds(load_text(o, "{\"stop\": []}"));
    assert_int_equal(cadre_options_count(o, "stop"), 0);
    assert_true(cadre_options_given(o, "stop"));
    succeeds(load_text(o, "{\"stop\": [\"x\"]}"));
    expect_file_refused(o, "{\"stop\": [\"y\", null]}", CADRE_EARGUMENT,
        ".json: stop: expected a number, a word or true/false, found another kind of value");
    assert_string_equal(cadre_options_text(o, "stop", 0), "x"); /* as it was */
}

static void lists_are_held_to_4096_items(void **state)
{
    cadre_options *o = *state;
    char *list = mem_alloc(4097 * 2, 1);
    for (int i = 0; i < 4097; i++) memcpy(list + 2 * i, "1,", 2);
    list[2 * 4096 - 1] = 0;
    succeeds(cadre_options_set(o, "experts", list));
    assert_int_equal(cadre_options_count(o, "experts"), 4096);
    list[2 * 4096 - 1] = ',';
    list[2 * 4097 - 1] = 0;
    expect_refused(o, "experts", list, "--experts: expected at most 4096 values, found more");
    assert_int_equal(cadre_options_count(o, "experts"), 4096);
    mem_free(list);
}

static void nothing_stays_when_options_are_freed(void **state)
{
    (void)state;
    const cadre_option_table tables[] = { OPTION_TABLE(rows), cadre_run_options() };
    int64_t before = mem_balance();
    cadre_options *o;
    succeeds(cadre_options_new(tables, 2, &o));
    succeeds(cadre_options_set(o, "experts", "1,2,3"));
    succeeds(cadre_options_set(o, "experts", "4"));
    assert_int_equal(cadre_options_set(o, "experts", "4,5,x"), CADRE_EARGUMENT);
    succeeds(load_text(o, "{\"data\": [\"x\", \"y\"], \"experts\": [1, 2]}"));
    assert_int_equal(load_text(o, "{\"data\": [\"x\", \"\"]}"), CADRE_EARGUMENT);
    cadre_options_free(o);
    cadre_options_free(NULL);
    assert_int_equal(mem_balance(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_values_that_nobody_gave, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_value_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(
            numbers_out_of_bounds_are_refused_and_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(words_are_refused_with_the_nearest, setup, teardown),
        cmocka_unit_test_setup_teardown(
            lists_give_one_number_for_all_layers_or_one_each, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_of_words_can_be_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_takes_what_was_given, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_sets_every_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_is_held_to_the_same_bounds, setup, teardown),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(the_library_s_own_tables_agree_with_themselves),
        cmocka_unit_test_setup_teardown(bounds_are_values_too, setup_kinds, teardown),
        cmocka_unit_test_setup_teardown(
            a_flag_is_yes_or_no_in_two_words_each, setup_kinds, teardown),
        cmocka_unit_test_setup_teardown(
            what_nobody_gave_is_what_the_caller_says, setup_kinds, teardown),
        cmocka_unit_test_setup_teardown(
            a_word_is_taken_in_any_case_and_kept_as_the_table_has_it, setup_kinds, teardown),
        cmocka_unit_test_setup_teardown(texts_add_up_and_may_be_empty, setup_kinds, teardown),
        cmocka_unit_test_setup_teardown(
            a_recipe_supplies_only_what_is_missing, setup_kinds, teardown),
        cmocka_unit_test_setup_teardown(rows_are_found_by_name_alone, setup_kinds, teardown),
        cmocka_unit_test_setup_teardown(
            a_file_says_words_and_numbers_as_the_command_line_does, setup_kinds, teardown),
        cmocka_unit_test_setup_teardown(lists_are_held_to_4096_items, setup, teardown),
        cmocka_unit_test(nothing_stays_when_options_are_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
