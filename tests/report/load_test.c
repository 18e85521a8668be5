/* load_test.c - bars and shades of loads: the steps of the shades, what a row of bars draws, and
 * the balance that stands beside it. */
#include "report/load.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/heat.h"

static void expect(byte_buffer *page, const char *expected)
{
    if (strcmp(page->data ? page->data : "", expected))
        fail_msg("found\n%s\nexpected\n%s", page->data ? page->data : "", expected);
    byte_buffer_free(page);
}

static void holds(const byte_buffer *page, const char *part)
{
    if (!strstr(page->data, part)) fail_msg("the page lacks %s:\n%s", part, page->data);
}

/* Bounds belong to the step below them. */
static void levels(void **state)
{
    (void)state;
    static const struct {
        double times;
        int level;
    } cases[] = { { 0, 0 }, { 1e-9, 1 }, { 0.25, 1 }, { 0.2501, 2 }, { 0.5, 2 }, { 0.8, 3 },
        { 0.81, 4 }, { 1, 4 }, { 1.25, 4 }, { 1.3, 5 }, { 1.6, 5 }, { 2, 6 }, { 3, 7 }, { 3.01, 8 },
        { 1e9, 8 }, { INFINITY, 8 }, { NAN, 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(heat_level(cases[i].times), cases[i].level);
}

/* Neighbours of a row in one shade are one stroke; rows are apart, and what is unknown is left
 * out. */
static void heat(void **state)
{
    (void)state;
    const int8_t map[] = { 4, 4, 0, -1, /**/ 4, 0, 0, 0 };
    byte_buffer page = { 0 };
    heat_draw(&page, map, 2, 4, "loads", 3, HEAT_ROWS);
    expect(&page,
        "<svg class=\"heat\" viewBox=\"0 0 4 2\" preserveAspectRatio=\"none\" data-layer=\"3\" "
        "data-kind=\"rows\" tabindex=\"0\" role=\"img\" aria-label=\"loads\">"
        "<path class=\"h0\" d=\"M2 0h1v1h-1zM1 1h3v1h-3z\"/>"
        "<path class=\"h4\" d=\"M0 0h2v1h-2zM0 1h1v1h-1z\"/></svg>");
    heat_draw(&page, map, 1, 1, "pairs", 0, HEAT_PAIRS);
    holds(&page, "data-kind=\"pairs\"");
    byte_buffer_free(&page);
}

static void legend(void **state)
{
    (void)state;
    byte_buffer page = { 0 };
    heat_legend(&page, "picks");
    holds(&page, "<span>picks</span>");
    holds(&page, "<i class=\"h0\"></i>none</span>");
    holds(&page, "<i class=\"h8\"></i>more</span>");
    assert_null(strstr(page.data, "h9"));
    byte_buffer_free(&page);
}

static void balance(void **state)
{
    (void)state;
    const double loads[] = { 6, 0, 2, 0 }, none[] = { 0, 0 };
    load_balance b = load_balance_of(loads, 4);
    assert_true(b.fair == 2 && b.least == 0 && b.most == 3);
    assert_int_equal(b.idle, 2);
    b = load_balance_of(none, 2);
    assert_true(b.fair == 0 && b.least == 0 && b.most == 0);
    assert_int_equal(b.idle, 2);
    b = load_balance_of((const double[]){ 5 }, 1);
    assert_true(b.least == 1 && b.most == 1 && b.idle == 0);
}

/* Loads of 0, 1, 5 and 2: in fair shares (2) 2.5, 1, 0.5 and 0; a box is two fair shares high. */
static void sorted(void **state)
{
    (void)state;
    const double loads[] = { 0, 1, 5, 2 };
    const shape_layer layer = { .experts = 4, .picks = 1, .number = 7 };
    byte_buffer page = { 0 };
    load_draw_sorted(&page, &layer, loads, 2, NULL);
    holds(&page, "layer 7</span>");
    holds(&page, "viewBox=\"0 0 40 1000\"");
    holds(&page, "<path class=\"h7\" d=\"M1 0h8v1000h-8z\"/>");   /* cut at the top of its box */
    holds(&page, "<path class=\"h4\" d=\"M11 500h8v500h-8z\"/>"); /* the fair share: half of it */
    holds(&page, "<path class=\"h2\" d=\"M21 750h8v250h-8z\"/>");
    holds(&page, "<path class=\"h0\" d=\"M31 1000h8v0h-8z\"/>");
    holds(&page, "<path class=\"fair\" d=\"M0 500h40\"/>");
    holds(&page, "least <b>0.00</b>, most <b>2.50</b>");
    byte_buffer_free(&page);
    load_draw_sorted(&page, &layer, loads, 2, "a <run>");
    holds(&page, "<br><small>a &lt;run&gt;</small>");
    byte_buffer_free(&page);
}

/* A row a layer, as wide as the widest. */
static void table(void **state)
{
    (void)state;
    const double loads[] = { 1, 3, /**/ 2, 2, 2 };
    shape_layer layer[] = { { .experts = 2, .picks = 1, .number = 1 },
        { .experts = 3, .picks = 1, .first_expert = 2, .number = 3 } };
    const model_shape shape = { .layers = 2, .experts = 5, .layer = layer };
    byte_buffer page = { 0 };
    load_table(&page, &shape, loads, "loads", "one & all");
    holds(&page, "id=\"loads\"");
    holds(&page, "one &amp; all");
    holds(&page, "0.50");
    holds(&page, "1.50");
    holds(&page, "1.00");
    assert_null(strstr(page.data, "2.00"));
    byte_buffer_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels),
        cmocka_unit_test(heat),
        cmocka_unit_test(legend),
        cmocka_unit_test(balance),
        cmocka_unit_test(sorted),
        cmocka_unit_test(table),
    };
    return cmocka_run_group_tests_name("loads of the report", tests, NULL, NULL);
}
