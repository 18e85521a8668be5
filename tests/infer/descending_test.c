/* descending_test.c - the order is that of a sort by comparison, and only what is looked at is put
 * in order. */
#include "infer/descending.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { MOST = 20000 };

static float p[MOST];
static int32_t sorted[MOST];
static descending_item items[MOST], spare[MOST];

static int by_probability(const void *a, const void *b)
{
    int32_t i, k;
    memcpy(&i, a, sizeof i);
    memcpy(&k, b, sizeof k);
    if (p[i] != p[k]) return p[i] > p[k] ? -1 : 1;
    return i < k ? -1 : i > k;
}

typedef float shape(double u);

static float even(double u) { return (float)u; }
static float peaked(double u) { return (float)exp(-60 * u); }
static float near_equal(double u) { return (float)(0.25 + u * 1e-6); }
static float few_values(double u) { return (float)((int)(u * 5)) / 8; }
static float zeros_and_ones(double u) { return u < 0.5 ? 0 : 1; }
static float tiny(double u) { return (float)(u * 1e-39); } /* below the normal numbers */
static float alike(double u) { return u < 2 ? 0.125f : 0; }

static void fill(shape *of, int64_t count, uint64_t seed)
{
    random_key key = random_key_of(seed, "test", 0, 0);
    for (int64_t i = 0; i < count; i++)
        p[i] = of(random_uniform(key, (uint64_t)i)), sorted[i] = (int32_t)i;
    qsort(sorted, (size_t)count, sizeof *sorted, by_probability);
}

static void as_a_sort_by_comparison(void **state)
{
    (void)state;
    shape *const shapes[] = { even, peaked, near_equal, few_values, zeros_and_ones, tiny, alike };
    const int64_t counts[] = { 1, 2, 24, 25, 1000, MOST };
    descending d;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (size_t n = 0; n < sizeof counts / sizeof *counts; n++) {
            fill(shapes[k], counts[n], k * 10 + n);
            descending_begin(&d, p, counts[n], items, spare);
            for (int64_t i = 0; i < counts[n]; i++)
                assert_int_equal(descending_at(&d, i).id, sorted[i]);
        }
}

static void little_is_sorted_for_few(void **state)
{
    (void)state;
    descending d;
    fill(peaked, MOST, 1);
    descending_begin(&d, p, MOST, items, spare);
    assert_int_equal(descending_at(&d, 9).id, sorted[9]);
    assert_true(d.sorted >= 10 && d.sorted < MOST / 20);
    assert_int_equal(descending_at(&d, 0).id, sorted[0]);
    assert_int_equal(descending_at(&d, MOST - 1).id, sorted[MOST - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_a_sort_by_comparison),
        cmocka_unit_test(little_is_sorted_for_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
