/* number_multiple_test.c - of all short numbers, those that are multiples are written, and no
 * other: against arithmetic in integers. */
#include "grammar/number_multiple.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "grammar/number_text.h"
#include "grammar/written.h"

/* Every number of -20 to 20 with up to three digits behind the point. */
static void check(multiple of, double low, double high)
{
    network n;
    pushdown p;
    succeeds(network_open(&n, "N"));
    number_bounds b = { .low = low, .high = high };
    node_id first = (node_id)n.node_count;
    node_id piece = of.decimals ? number_text_real(&n, &b) : number_text_integer(&n, &b);
    piece = number_multiple(&n, piece, first, of);
    written_open(&n, network_call(&n, piece, NETWORK_END), &p);
    int64_t scale = 1;
    for (int i = 0; i < of.decimals; i++) scale *= 10;
    for (int decimals = 0, tens = 1; decimals < 4; decimals++, tens *= 10)
        for (int64_t value = -20 * tens; value <= 20 * tens; value++) {
            char text[32];
            if (value == 0 && decimals > of.decimals) continue;
            snprintf(text, sizeof text, "%.*f", decimals, (double)value / tens);
            bool in = (double)value / tens >= low && (double)value / tens <= high;
            bool wanted = in && decimals <= of.decimals && value * scale % (of.units * tens) == 0;
            if (text[0] == '-' && value == 0) continue;
            if (written(&p, text) != wanted)
                fail_msg("%s: multiple of %d / 10^%d: expected %d", text, (int)of.units,
                    of.decimals, wanted);
        }
    written_close(&n, &p);
}

static void all_multiples_and_no_others(void **state)
{
    (void)state;
    check((multiple){ 1, 0 }, -INFINITY, INFINITY);
    check((multiple){ 7, 0 }, -15, 20);
    check((multiple){ 5, 1 }, -INFINITY, INFINITY);
    check((multiple){ 25, 2 }, -12.5, 7);
    check((multiple){ 75, 2 }, 0, INFINITY);
    check((multiple){ 625, 3 }, -3, 9.375);
}

/* What would need too much memory is refused before it is taken. */
static void large_ones_are_refused(void **state)
{
    (void)state;
    network n;
    succeeds(network_open(&n, "N"));
    number_bounds b = { .low = -1e14 + 0.123456, .high = 1e14 - 0.654321 };
    for (int i = 0; i < 40; i++) number_text_real(&n, &b);
    node_id made = number_multiple(&n, number_text_real(&n, &b), 2, (multiple){ 1000, 6 });
    assert_int_equal(made, NETWORK_DEAD);
    assert_int_equal(n.status, CADRE_EUNSUPPORTED);
    network_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_multiples_and_no_others),
        cmocka_unit_test(large_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
