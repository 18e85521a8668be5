/* affinity_test.c - shares, the order of experts, and bits, on tables small enough to know by
 * heart. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>

#include <cmocka.h>

#include "report/affinity.h"
#include "report/paint.h"

static void two_domains(void **state)
{
    (void)state;
    /* layer 0: experts 0..3, of two domains; expert 3 is never picked. Layer 1: one expert. */
    int64_t routed[] = { 6, 10, 0, 0, /**/ 2, 0, 14, 0, /**/ 16, /**/ 16 };
    shape_layer layer[] = { { .experts = 4, .picks = 1 },
        { .experts = 1, .picks = 1, .first_expert = 4 } };
    model_shape shape = { .layers = 2, .experts = 5, .layer = layer };
    run_analysis analysis = { .domains = 2, .routed = routed };
    affinity a;
    assert_int_equal(affinity_of(&analysis, &shape, &a), CADRE_OK);
    static const int order[] = { 1, 0, 2, 3, 0 }, leading[] = { 0, 0, 1, -1, 0 },
                     rank[] = { 1, 0, 0, 0, 0 };
    for (int e = 0; e < 5; e++) {
        assert_int_equal(a.order[e], order[e]);
        assert_int_equal(a.leading[e], leading[e]);
        assert_int_equal(a.rank[e], rank[e]);
    }
    assert_true(a.share[0] == 0.375 && a.share[6] == 0.875 && a.greatest == 1);
    assert_true(fabs(a.purity[0] - 0.75) < 1e-12);
    assert_true(fabs(a.most - 1) < 1e-12);
    assert_true(
        fabs(a.bits[0] - (0.1875 * log2(1.5) + 0.3125 + 0.0625 * log2(0.5) + 0.4375)) < 1e-12);
    assert_true(fabs(a.bits[1]) < 1e-12);
    assert_int_equal(affinity_clearest_layer(&a, &shape), 0);
    assert_int_equal(affinity_paint(&a, &layer[0], 0), 0 * PAINT_TINTS + 1);
    assert_int_equal(affinity_paint(&a, &layer[0], 2), 1 * PAINT_TINTS);
    affinity_free(&a);
}

static void no_counts(void **state)
{
    (void)state;
    shape_layer layer = { .experts = 64, .picks = 8 };
    model_shape shape = { .layers = 1, .experts = 64, .layer = &layer };
    run_analysis analysis = { 0 };
    affinity a;
    assert_int_equal(affinity_of(&analysis, &shape, &a), CADRE_OK);
    assert_int_equal(a.domains, 0);
    for (int e = 0; e < 64; e++) {
        assert_int_equal(a.order[e], e);
        assert_int_equal(a.leading[e], -1);
        assert_in_range(affinity_paint(&a, &layer, e), 0, PAINT_HUES * PAINT_TINTS - 1);
    }
    affinity_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(two_domains),
        cmocka_unit_test(no_counts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
