/* figure_test.c - numbers on both sides of each border where their form changes. */
#include "report/figure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define THIN "\xE2\x80\xAF"
#define MINUS "\xE2\x88\x92"

static void whole_numbers_are_parted_in_threes_from_five_digits(void **state)
{
    (void)state;
    assert_string_equal(figure_whole(0).text, "0");
    assert_string_equal(figure_whole(9999).text, "9999");
    assert_string_equal(figure_whole(10000).text, "10" THIN "000");
    assert_string_equal(figure_whole(123456).text, "123" THIN "456");
    assert_string_equal(figure_whole(1000000).text, "1" THIN "000" THIN "000");
    assert_string_equal(figure_whole(-123456).text, "-123" THIN "456");
    assert_string_equal(figure_whole(99999.5).text, "100" THIN "000");
}

static void short_numbers_have_three_digits_and_a_unit(void **state)
{
    (void)state;
    assert_string_equal(figure_short(10000).text, "10" THIN "k");
    assert_string_equal(figure_short(0.5).text, "0.50");
    assert_string_equal(figure_short(12.34).text, "12.3");
    assert_string_equal(figure_short(999.4).text, "999");
    assert_string_equal(figure_short(999.6).text, "1.00" THIN "k");
    assert_string_equal(figure_short(99949).text, "99.9" THIN "k");
    assert_string_equal(figure_short(99951).text, "100" THIN "k");
    assert_string_equal(figure_short(9994000).text, "9.99" THIN "M");
    assert_string_equal(figure_short(9996000).text, "10.0" THIN "M");
    assert_string_equal(figure_short(3e9).text, "3" THIN "G");
    assert_string_equal(figure_short(1.5e12).text, "1.50" THIN "T");
    assert_string_equal(figure_short(2e15).text, "2" THIN "P");
    assert_string_equal(figure_short(7e20).text, "700" THIN "E");
    assert_string_equal(figure_short(-27812.4).text, MINUS "27.8" THIN "k");
}

static void values_keep_about_four_digits(void **state)
{
    (void)state;
    assert_string_equal(figure_value(0).text, "0");
    assert_string_equal(figure_value(0.12345).text, "0.123");
    assert_string_equal(figure_value(0.0999).text, "0.09990");
    assert_string_equal(figure_value(9.876).text, "9.876");
    assert_string_equal(figure_value(10.987).text, "10.99");
    assert_string_equal(figure_value(99.5).text, "99.50");
    assert_string_equal(figure_value(100.25).text, "100.2");
    assert_string_equal(figure_value(999.9).text, "999.9");
    assert_string_equal(figure_value(1234.5).text, "1234");
    assert_string_equal(figure_value(0.001).text, "0.00100");
    assert_string_equal(figure_value(0.00099).text, "9.90e-04");
    assert_string_equal(figure_value(1e6).text, "1.00e+06");
    assert_string_equal(figure_value(999999).text, "999" THIN "999");
    assert_string_equal(figure_value(-2.5).text, MINUS "2.500");
}

static void ticks_have_the_digits_of_their_step(void **state)
{
    (void)state;
    assert_string_equal(figure_tick(0, 0.25).text, "0");
    assert_string_equal(figure_tick(0.5, 0.5).text, "0.5");
    assert_string_equal(figure_tick(1, 0.1).text, "1.0");
    assert_string_equal(figure_tick(0.02, 0.01).text, "0.02");
    assert_string_equal(figure_tick(0.0002, 0.0001).text, "0.0002");
    assert_string_equal(figure_tick(0.00002, 0.00001).text, "2e-05");
    assert_string_equal(figure_tick(3, 1).text, "3");
    assert_string_equal(figure_tick(9000, 500).text, "9000");
    assert_string_equal(figure_tick(15000, 500).text, "15" THIN "k");
    assert_string_equal(figure_tick(5000, 1000).text, "5000");
    assert_string_equal(figure_tick(2e6, 1e6).text, "2" THIN "M");
}

static void shares_have_one_digit_below_ten_percent(void **state)
{
    (void)state;
    assert_string_equal(figure_share(0).text, "0" THIN "%");
    assert_string_equal(figure_share(1).text, "100" THIN "%");
    assert_string_equal(figure_share(0.0994).text, "9.9" THIN "%");
    assert_string_equal(figure_share(0.0996).text, "10" THIN "%");
    assert_string_equal(figure_share(0.0004).text, "0.0" THIN "%");
}

static void times_are_seconds_then_minutes_then_hours(void **state)
{
    (void)state;
    assert_string_equal(figure_time(0).text, "0.0" THIN "s");
    assert_string_equal(figure_time(9.94).text, "9.9" THIN "s");
    assert_string_equal(figure_time(10).text, "10" THIN "s");
    assert_string_equal(figure_time(59.4).text, "59" THIN "s");
    assert_string_equal(figure_time(59.5).text, "1" THIN "min 00" THIN "s");
    assert_string_equal(figure_time(3599).text, "59" THIN "min 59" THIN "s");
    assert_string_equal(figure_time(3600).text, "1" THIN "h 00" THIN "min");
    assert_string_equal(figure_time(90061).text, "25" THIN "h 01" THIN "min");
}

static void digits_are_as_many_as_asked_for(void **state)
{
    (void)state;
    assert_string_equal(figure_digits(2.345, 0).text, "2");
    assert_string_equal(figure_digits(2.375, 2).text, "2.38");
    assert_string_equal(figure_digits(-0.5, 3).text, MINUS "0.500");
    assert_string_equal(figure_digits(1e15, 2).text, "1e+15");
    assert_string_equal(figure_digits(9e14, 0).text, "900000000000000");
    assert_string_equal(figure_digits((double)-INFINITY, 2).text, MINUS "inf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_parted_in_threes_from_five_digits),
        cmocka_unit_test(short_numbers_have_three_digits_and_a_unit),
        cmocka_unit_test(values_keep_about_four_digits),
        cmocka_unit_test(ticks_have_the_digits_of_their_step),
        cmocka_unit_test(shares_have_one_digit_below_ten_percent),
        cmocka_unit_test(times_are_seconds_then_minutes_then_hours),
        cmocka_unit_test(digits_are_as_many_as_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
