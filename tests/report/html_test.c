/* html_test.c - nothing that a text holds gets past the escaping; numbers read well. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "report/chart.h"
#include "report/figure.h"
#include "report/html.h"

#define LOST "\xEF\xBF\xBD"

static void assert_text(const char *text, const char *expected)
{
    byte_buffer page = { 0 };
    byte_buffer_text(&page, "|");
    html_bytes(&page, text, strlen(text));
    assert_int_equal(page.status, CADRE_OK);
    assert_string_equal(page.data + 1, expected);
    byte_buffer_free(&page);
}

static void escaping(void **state)
{
    (void)state;
    assert_text("", "");
    assert_text("a <b> & \"c\" 'd'", "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
    assert_text("tab\tline\n", "tab\tline\n");
    assert_text("\x01\x1b[0m\x7f\r", LOST LOST "[0m" LOST LOST);
    assert_text("été 日本 🙂", "été 日本 🙂");
    assert_text("\xff<\xc3", LOST "&lt;" LOST);  /* stray byte, cut character */
    assert_text("\xc0\xbc", LOST LOST);          /* an overlong "<" */
    assert_text("\xed\xa0\x80", LOST LOST LOST); /* a surrogate */
    assert_text("\xc2\x85", LOST LOST);          /* a control character beyond ASCII */
}

static void cutting(void **state)
{
    (void)state;
    byte_buffer page = { 0 };
    html_cut(&page, "日本語", 7); /* whole characters */
    assert_string_equal(page.data, "日本…");
    byte_buffer_free(&page);
    html_cut(&page, "日本語", 9);
    assert_string_equal(page.data, "日本語");
    byte_buffer_free(&page);
}

static void commands(void **state)
{
    (void)state;
    byte_buffer page = { 0 };
    html_command(&page, "cadre train  --data <é>", 100);
    assert_string_equal(page.data,
        "<span>cadre</span> <span>train</span>  <span>--data</span> <span>&lt;é&gt;</span>");
    byte_buffer_free(&page);
    html_command(&page, "a 日本", 6); /* whole characters */
    assert_string_equal(page.data, "<span>a</span> <span>日</span>…");
    byte_buffer_free(&page);
    html_command(&page, "a b", 2);
    assert_string_equal(page.data, "<span>a</span> …");
    byte_buffer_free(&page);
}

static void languages(void **state)
{
    (void)state;
    static const char *const none[] = { "", "e", "news", "de\"onload", "zh-", "en-x", "zh-abcde",
        "d3" };
    byte_buffer page = { 0 };
    html_language(&page, "zh-cn");
    assert_string_equal(page.data, " lang=\"zh-cn\"");
    byte_buffer_free(&page);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        html_language(&page, none[i]);
        assert_int_equal(page.size, 0);
    }
}

#define THIN "\xE2\x80\xAF"

static void figures(void **state)
{
    (void)state;
    assert_string_equal(figure_whole(999).text, "999");
    assert_string_equal(figure_whole(4096).text, "4096");
    assert_string_equal(figure_whole(1234567).text, "1" THIN "234" THIN "567");
    assert_string_equal(figure_short(9999).text, "9999");
    assert_string_equal(figure_short(27812.4).text, "27.8" THIN "k");
    assert_string_equal(figure_short(7480320).text, "7.48" THIN "M");
    assert_string_equal(figure_short(999999).text, "1.00" THIN "M");
    assert_string_equal(figure_value(2.9431).text, "2.943");
    assert_string_equal(figure_value(5).text, "5");
    assert_string_equal(figure_value(0.000031).text, "3.10e-05");
    assert_string_equal(figure_digits(-1.5, 1).text, "\xE2\x88\x92"
                                                     "1.5");
    assert_string_equal(figure_share(0.532).text, "53" THIN "%");
    assert_string_equal(figure_share(0.0084).text, "0.8" THIN "%");
    assert_string_equal(figure_time(183.4).text, "3" THIN "min 03" THIN "s");
    assert_string_equal(figure_time(7260).text, "2" THIN "h 01" THIN "min");
    assert_string_equal(figure_time(4.25).text, "4.2" THIN "s");
    /* No caller shows one; it must not crash */
    assert_string_equal(figure_digits(NAN, 2).text, "nan");
    assert_non_null(figure_whole(1e300).text);
}

static void scales(void **state)
{
    (void)state;
    chart_scale s = chart_scale_of(2.1, 8.4, 6, true);
    assert_true(s.low == 2 && s.high == 9 && s.ticks == 8);
    s = chart_scale_of(1, 900, 8, false);
    assert_true(s.low == 1 && s.high == 900 && s.tick[0] == 100 && s.ticks == 9);
    static const double odd[][2] = { { 0, 0 }, { 5, 5 }, { -3, -3 }, { 1e-300, 2e-300 },
        { -1e300, 1e300 }, { 1e15, 1e15 + 1 } };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        s = chart_scale_of(odd[i][0], odd[i][1], 4, i % 2);
        assert_true(
            s.low < s.high && s.ticks <= CHART_TICKS && isfinite(s.low) && isfinite(s.high));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(escaping), cmocka_unit_test(cutting),
        cmocka_unit_test(commands), cmocka_unit_test(languages), cmocka_unit_test(figures),
        cmocka_unit_test(scales) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
