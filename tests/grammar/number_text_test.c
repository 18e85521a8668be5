/* number_text_test.c - the digits between two bounds are those that a comparison of numbers lets
 * through: all texts of a few digits, for bounds on every side of them. */
#include "grammar/number_text.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "grammar/written.h"

typedef node_id (*maker)(network *n, const number_bounds *b);

typedef struct opened {
    network n;
    pushdown p;
} opened;

static void open_bounds(maker make, const number_bounds *b, opened *o)
{
    succeeds(network_open(&o->n, "N"));
    written_open(&o->n, make(&o->n, b), &o->p);
}

static void close_bounds(opened *o) { written_close(&o->n, &o->p); }

static bool is_between(const number_bounds *b, double x)
{
    return (b->above ? x > b->low : x >= b->low) && (b->below ? x < b->high : x <= b->high);
}

static void expect(opened *o, const number_bounds *b, const char *text, bool expected)
{
    if (written(&o->p, text) == expected) return;
    fail_msg("%s is %s, in %s%.17g, %.17g%s", text, expected ? "left out" : "taken",
        b->above ? "]" : "[", b->low, b->high, b->below ? "[" : "]");
}

/* Bounds among small numbers, each with and without the bound itself, or none on a side. */
static number_bounds draw_bounds(random_key key, uint64_t at, double step)
{
    uint64_t bits = random_bits(key, at);
    double a = step * (double)(int64_t)(bits % 241) - 120 * step,
           b = a + step * (double)(int64_t)(bits >> 8 & 127);
    return (number_bounds){ .low = bits >> 20 & 7 ? a : -INFINITY,
        .high = bits >> 23 & 7 ? b : INFINITY,
        .above = bits >> 26 & 1,
        .below = bits >> 27 & 1 };
}

static void integers_are_compared(void **state)
{
    (void)state;
    random_key key = random_key_of(1, "integers", 0, 0);
    for (uint64_t i = 0; i < 150; i++) {
        number_bounds b = draw_bounds(key, i, i % 3 ? 1 : 0.5);
        opened o;
        open_bounds(number_text_integer, &b, &o);
        for (int x = -260; x <= 260; x++) {
            char text[32];
            snprintf(text, sizeof text, "%d", x);
            expect(&o, &b, text, is_between(&b, x));
            snprintf(text, sizeof text, "%s0%d", x < 0 ? "-" : "", abs(x));
            expect(&o, &b, text, false);
            snprintf(text, sizeof text, "%d.0", x);
            expect(&o, &b, text, false);
        }
        expect(&o, &b, "-0", false);
        expect(&o, &b, "", false);
        expect(&o, &b, "-", false);
        close_bounds(&o);
    }
}

/* All of three digits before the point and up to two behind it, zeros at the end among them. */
static void reals_are_compared(void **state)
{
    (void)state;
    random_key key = random_key_of(2, "reals", 0, 0);
    static const double steps[] = { 0.01, 0.25, 1, 0.1 };
    for (uint64_t i = 0; i < 60; i++) {
        number_bounds b = draw_bounds(key, i, steps[i % 4]);
        opened o;
        open_bounds(number_text_real, &b, &o);
        for (int x = -260; x <= 260; x++) {
            char text[64], sign = x < 0 ? '-' : '+';
            const char *minus = sign == '-' ? "-" : "";
            snprintf(text, sizeof text, "%s%d.%02d", minus, abs(x) / 100, abs(x) % 100);
            expect(&o, &b, text, is_between(&b, strtod(text, NULL)));
            snprintf(text, sizeof text, "%s%d.%02d0", minus, abs(x) / 100, abs(x) % 100);
            expect(&o, &b, text, is_between(&b, strtod(text, NULL)));
            snprintf(text, sizeof text, "%d", x);
            expect(&o, &b, text, is_between(&b, x));
            snprintf(text, sizeof text, "%d.", x);
            expect(&o, &b, text, false);
            snprintf(text, sizeof text, "%d.%de1", x, abs(x) % 10);
            expect(&o, &b, text, false);
        }
        close_bounds(&o);
    }
}

/* A bound as a double is not the decimal that a person writes: its last digits count. */
static void the_last_digits_of_a_bound_count(void **state)
{
    (void)state;
    static const struct {
        number_bounds b;
        const char *in[3], *out[3];
    } cases[] = {
        { { 0.1, 0.3, false, false }, { "0.1", "0.3", "0.30000" },
            { "0.30000000000001", "0.09999", "0.31" } },
        { { 0.1, 0.3, true, true }, { "0.10000000000001", "0.2", "0.29999999999999" },
            { "0.1", "0.3", "0.100" } },
        { { 1e-7, 2e-7, false, false }, { "0.0000001", "0.00000015", "0.0000002" },
            { "0.00000009", "0.0000003", "0" } },
        { { 123456.789, 123456.79, false, true }, { "123456.789", "123456.7899", NULL },
            { "123456.79", "123456.788", "123457" } },
        { { -0.25, -0.125, true, false }, { "-0.125", "-0.2", "-0.249" },
            { "-0.25", "0.2", "-0.124" } },
        { { 999999999999998.0, INFINITY, true, false }, { "999999999999999", NULL, NULL },
            { "999999999999998", "1000000000000000", NULL } },
        { { 0, 0, false, false }, { "0", "0.0", "0.000" }, { "-0", "-0.0", "0.01" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        opened o;
        open_bounds(number_text_real, &cases[i].b, &o);
        for (int k = 0; k < 3; k++) {
            if (cases[i].in[k]) expect(&o, &cases[i].b, cases[i].in[k], true);
            if (cases[i].out[k]) expect(&o, &cases[i].b, cases[i].out[k], false);
        }
        close_bounds(&o);
    }
}

/* Without bounds at most 15 digits; bounds beyond that are followed up to 64 bits. */
static void how_many_digits_there_may_be(void **state)
{
    (void)state;
    static const number_bounds none = { -INFINITY, INFINITY, false, false };
    static const number_bounds large = { 1e15, 9223372036854774784.0, false, false };
    static const number_bounds low = { -INFINITY, -1e15, false, false };
    opened o;
    open_bounds(number_text_integer, &none, &o);
    expect(&o, &none, "999999999999999", true);
    expect(&o, &none, "-999999999999999", true);
    expect(&o, &none, "1000000000000000", false);
    close_bounds(&o);
    open_bounds(number_text_integer, &large, &o);
    expect(&o, &large, "1000000000000000", true);
    expect(&o, &large, "999999999999999", false);
    expect(&o, &large, "9223372036854774784", true);
    expect(&o, &large, "9223372036854774785", false);
    expect(&o, &large, "10000000000000000000", false);
    close_bounds(&o);
    open_bounds(number_text_integer, &low, &o);
    expect(&o, &low, "-1000000000000000", true);
    expect(&o, &low, "-999999999999999", false);
    expect(&o, &low, "-9223372036854775807", true);
    expect(&o, &low, "-9223372036854775808", false);
    close_bounds(&o);
    open_bounds(number_text_real, &none, &o);
    expect(&o, &none, "0.00000000000001", true);
    expect(&o, &none, "0.0000000000000001", false);
    expect(&o, &none, "123456789012345", true);
    expect(&o, &none, "1234567890123456", false);
    close_bounds(&o);
}

static void bounds_with_nothing_between_lead_nowhere(void **state)
{
    (void)state;
    static const number_bounds none[] = { { 2, 1, false, false }, { 1, 1, true, false },
        { 1, 1, false, true }, { INFINITY, INFINITY, false, false }, { 1e19, 1e20, false, false },
        { -1e20, -1e19, false, false } };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        opened o;
        open_bounds(number_text_integer, &none[i], &o);
        assert_int_equal(o.p.start, 0);
        close_bounds(&o);
        open_bounds(number_text_real, &none[i], &o);
        assert_int_equal(o.p.start, 0);
        close_bounds(&o);
    }
    opened o;
    const number_bounds between = { 0.5, 0.75, false, false };
    open_bounds(number_text_integer, &between, &o);
    assert_int_equal(o.p.start, 0);
    close_bounds(&o);
}

/* What is read step by step is a beginning of something: no state is a dead end. */
static void every_digit_leads_to_an_end(void **state)
{
    (void)state;
    random_key key = random_key_of(3, "ends", 0, 0);
    uint64_t draws = 0;
    for (uint64_t i = 0; i < 60; i++) {
        number_bounds b = draw_bounds(key, 1000 + i, 0.37);
        opened o;
        open_bounds(number_text_real, &b, &o);
        for (int walk = 0; walk < 20 && o.p.start; walk++) {
            char text[64] = "";
            state_id at_text = o.p.start;
            for (size_t length = 0; length < sizeof text - 1; length++) {
                static const char bytes[] = "-.0123456789eE+";
                state_id next = 0;
                size_t at = random_bits(key, draws++) % (sizeof bytes - 1), tried = 0;
                for (; !next && tried < sizeof bytes - 1; tried++, at++)
                    next = pushdown_step(&o.p, at_text, (uint8_t)bytes[at % (sizeof bytes - 1)]);
                if (!next) break;
                text[length] = bytes[(at - 1) % (sizeof bytes - 1)];
                at_text = next;
            }
            if (!o.p.states[at_text].ends) fail_msg("%s goes no further", text);
            if (!is_between(&b, strtod(text, NULL))) expect(&o, &b, text, false);
        }
        close_bounds(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_compared),
        cmocka_unit_test(reals_are_compared),
        cmocka_unit_test(the_last_digits_of_a_bound_count),
        cmocka_unit_test(how_many_digits_there_may_be),
        cmocka_unit_test(bounds_with_nothing_between_lead_nowhere),
        cmocka_unit_test(every_digit_leads_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
