/* chart_test.c - where lines, bands, dots and shades lie, to the unit. */
#include "report/chart.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/heat.h"

/* x from 0 to 10, y from 0 to 100. */
static chart over(byte_buffer *page)
{
    *page = (byte_buffer){ 0 };
    return (chart){ page, { .low = 0, .high = 10 }, { .low = 0, .high = 100 } };
}

static void drew(byte_buffer *page, const char *expected)
{
    assert_int_equal(page->status, CADRE_OK);
    assert_string_equal(page->data, expected);
    byte_buffer_free(page);
}

static void a_line_is_absolute_once_and_then_relative(void **state)
{
    (void)state;
    static const double x[] = { 0, 5, 10 }, y[] = { 0, 50, 25 };
    byte_buffer page;
    chart c = over(&page);
    chart_line(&c, x, y, 3, "thin", "loss");
    drew(&page, "<path class=\"thin\" data-name=\"loss\" d=\"M0 10000h0l5000 -5000l5000 2500\"/>");
    c = over(&page);
    chart_line(&c, x, y, 1, "thin", NULL);
    drew(&page, "<path class=\"thin\" d=\"M0 10000h0\"/>");
}

static void what_is_no_number_is_a_gap(void **state)
{
    (void)state;
    static const double x[] = { 0, 1, 2, 3 }, y[] = { 0, (double)NAN, 50, 100 };
    byte_buffer page;
    chart c = over(&page);
    chart_line(&c, x, y, 4, "l", NULL);
    drew(&page, "<path class=\"l\" d=\"M0 10000h0M2000 5000h0l1000 -5000\"/>");
    c = over(&page);
    chart_dots(&c, x, y, 4, "d", "n");
    drew(&page, "<path class=\"d\" data-name=\"n\" d=\"M0 10000h0M2000 5000h0M3000 0h0\"/>");
}

static void what_lies_outside_is_drawn_at_the_edge(void **state)
{
    (void)state;
    static const double x[] = { -5, 15 }, y[] = { -1, 101 };
    byte_buffer page;
    chart c = over(&page);
    chart_dots(&c, x, y, 2, "d", NULL);
    drew(&page, "<path class=\"d\" d=\"M0 10000h0M10000 0h0\"/>");
    c = over(&page);
    chart_rule(&c, 75, "r");
    drew(&page, "<path class=\"r\" d=\"M0 2500h10000\"/>");
}

static void a_band_goes_there_above_and_back_below(void **state)
{
    (void)state;
    static const double x[] = { 0, 5, 6, 10 }, low[] = { 0, 10, (double)NAN, 40 },
                        high[] = { 20, 30, (double)NAN, 50 };
    byte_buffer page;
    chart c = over(&page);
    chart_band(&c, x, low, high, 4, "b");
    drew(&page, "<path class=\"b\" d=\"M0 8000L5000 7000L5000 9000L0 10000z"
                "M10000 5000L10000 6000z\"/>");
}

static void a_note_stands_at_its_share_of_the_box(void **state)
{
    (void)state;
    byte_buffer page;
    chart c = over(&page);
    chart_note(&c, 2.5, 80, "n", "here");
    drew(&page, "<span class=\"note n\" style=\"left:25.0%;top:20.0%\">here</span>");
}

static void the_frame_says_its_ranges_and_its_names(void **state)
{
    (void)state;
    byte_buffer page;
    chart c = over(&page);
    chart_form form = { .style = "tall", .label = "Loss", .x_name = "step", .y_name = "nats" };
    c.y.ticks = 2;
    c.y.tick[0] = 0;
    c.y.tick[1] = 50;
    c.x.ticks = 1;
    c.x.tick[0] = 5;
    chart_begin(&c, &form);
    chart_drawn(&c);
    chart_end(&c, &form);
    drew(&page,
        "<div class=\"chart tall\"><div class=\"ys\" aria-hidden=\"true\"><span "
        "style=\"top:100.0%\""
        ">0</span><span style=\"top:50.0%\">50</span></div><div class=\"plot\"><svg viewBox=\"0 0 "
        "10000 10000\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Loss\" data-x=\"0e-8 "
        "1000000000e-8\" data-y=\"0e-7 1000000000e-7\" data-names=\"step|nats\" tabindex=\"0\">"
        "<path class=\"grid\" d=\"M0 10000h10000M0 5000h10000\"/></svg></div><div class=\"xs\" "
        "aria-hidden=\"true\"><span style=\"left:50.0%\">5</span></div></div>\n");
    c = over(&page);
    form.bare = true;
    chart_begin(&c, &form);
    chart_drawn(&c);
    chart_end(&c, &form);
    assert_null(strstr(page.data, "grid"));
    assert_null(strstr(page.data, "aria-hidden"));
    byte_buffer_free(&page);
}

/* ---- scales ---- */

static void expect_scale(chart_scale s, double low, double high, const double *tick, int ticks)
{
    assert_true(fabs(s.low - low) < 1e-12 && fabs(s.high - high) < 1e-12);
    assert_int_equal(s.ticks, ticks);
    for (int i = 0; i < ticks; i++) assert_true(fabs(s.tick[i] - tick[i]) < 1e-9);
}

static void ticks_are_round_and_about_as_many_as_wanted(void **state)
{
    (void)state;
    expect_scale(chart_scale_of(0, 10, 5, false), 0, 10, (double[]){ 0, 2, 4, 6, 8, 10 }, 6);
    expect_scale(chart_scale_of(0.3, 9.7, 2, false), 0.3, 9.7, (double[]){ 5 }, 1);
    expect_scale(chart_scale_of(0.3, 9.7, 2, true), 0, 10, (double[]){ 0, 5, 10 }, 3);
    expect_scale(chart_scale_of(0, 1.4, 1, true), 0, 2, (double[]){ 0, 1, 2 }, 3);
    expect_scale(chart_scale_of(0, 1.6, 1, true), 0, 2, (double[]){ 0, 2 }, 2);
    expect_scale(chart_scale_of(0, 3.4, 1, true), 0, 4, (double[]){ 0, 2, 4 }, 3);
    expect_scale(chart_scale_of(0, 3.6, 1, true), 0, 5, (double[]){ 0, 5 }, 2);
    expect_scale(chart_scale_of(0, 7.4, 1, true), 0, 10, (double[]){ 0, 5, 10 }, 3);
    expect_scale(chart_scale_of(0, 7.6, 1, true), 0, 10, (double[]){ 0, 10 }, 2);
    expect_scale(chart_scale_of(-1, 1, 2, false), -1, 1, (double[]){ -1, 0, 1 }, 3);
}

static void a_range_of_nothing_is_widened(void **state)
{
    (void)state;
    expect_scale(chart_scale_of(0, 0, 1, false), 0, 1, (double[]){ 0, 1 }, 2);
    chart_scale s = chart_scale_of(50, 50, 1, false);
    assert_true(s.low == 50 && fabs(s.high - 55) < 1e-12);
    s = chart_scale_of(-50, -50, 1, false);
    assert_true(s.low == -50 && fabs(s.high + 45) < 1e-12);
}

/* ---- shades ---- */

static void shades_change_at_their_bounds(void **state)
{
    (void)state;
    static const double bound[] = { 0, 0.25, 0.5, 0.8, 1.25, 1.6, 2.0, 3.0 };
    for (int i = 0; i < HEAT_LEVELS - 1; i++) {
        assert_int_equal(heat_level(bound[i]), i);
        assert_int_equal(heat_level(bound[i] + 1e-9), i + 1);
    }
    assert_int_equal(heat_level(1e9), HEAT_LEVELS - 1);
}

static void neighbours_of_a_shade_are_one_stroke(void **state)
{
    (void)state;
    static const int8_t levels[] = { 1, 1, 2, 1, /**/ 1, 1, 2, 2 }, unknown[] = { -1, 1 };
    byte_buffer page = { 0 };
    heat_draw(&page, levels, 2, 4, "Load", 3, HEAT_PAIRS);
    drew(&page,
        "<svg class=\"heat\" viewBox=\"0 0 4 2\" preserveAspectRatio=\"none\" data-layer=\"3\" "
        "data-kind=\"pairs\" tabindex=\"0\" role=\"img\" aria-label=\"Load\">"
        "<path class=\"h1\" d=\"M0 0h2v1h-2zM3 0h1v1h-1zM0 1h2v1h-2z\"/>"
        "<path class=\"h2\" d=\"M2 0h1v1h-1zM2 1h2v1h-2z\"/></svg>");
    heat_draw(&page, unknown, 1, 2, "Load", 0, HEAT_ROWS);
    assert_non_null(strstr(page.data, ">"
                                      "<path class=\"h1\" d=\"M1 0h1v1h-1z\"/></svg>"));
    byte_buffer_free(&page);
    heat_draw(&page, levels, 1, 1, "Load", 0, HEAT_ROWS);
    assert_non_null(strstr(page.data, "data-kind=\"rows\""));
    byte_buffer_free(&page);
}

static void the_legend_names_every_shade(void **state)
{
    (void)state;
    byte_buffer page = { 0 };
    heat_legend(&page, "times the fair share");
    assert_non_null(strstr(page.data, "<span>times the fair share</span>"));
    assert_non_null(strstr(page.data, "<i class=\"h0\"></i>none<"));
    assert_non_null(strstr(page.data, "<i class=\"h4\"></i>≤ 1.25<"));
    assert_non_null(strstr(page.data, "<i class=\"h8\"></i>more<"));
    assert_null(strstr(page.data, "class=\"h9\""));
    byte_buffer_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_absolute_once_and_then_relative),
        cmocka_unit_test(what_is_no_number_is_a_gap),
        cmocka_unit_test(what_lies_outside_is_drawn_at_the_edge),
        cmocka_unit_test(a_band_goes_there_above_and_back_below),
        cmocka_unit_test(a_note_stands_at_its_share_of_the_box),
        cmocka_unit_test(the_frame_says_its_ranges_and_its_names),
        cmocka_unit_test(ticks_are_round_and_about_as_many_as_wanted),
        cmocka_unit_test(a_range_of_nothing_is_widened),
        cmocka_unit_test(shades_change_at_their_bounds),
        cmocka_unit_test(neighbours_of_a_shade_are_one_stroke),
        cmocka_unit_test(the_legend_names_every_shade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
