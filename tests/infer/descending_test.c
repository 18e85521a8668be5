/* descending_test.c - the order is that of a sort by comparison, and only what is looked at is put
 * in order. */
#include "infer/descending.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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

/* The same token as by adding one after another, of all and of the first few, where sums come so
 * near to each other that rounding decides, its neighbour. */
static void a_sum_is_found_where_it_is_reached(void **state)
{
    (void)state;
    shape *const shapes[] = { even, peaked, few_values, zeros_and_ones, alike };
    descending d;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        double whole = 0, wanted, sum;
        fill(shapes[k], 1000, k + 50);
        for (int i = 0; i < 1000; i++) whole += p[i];
        for (int draw = 0; draw < 200; draw++) {
            int64_t count = draw % 2 ? 1000 : 37, at = 0;
            wanted = whole * draw / 200 * (draw % 2 ? 1 : 0.04);
            for (sum = 0; at < count && sum + p[sorted[at]] <= wanted; at++) sum += p[sorted[at]];
            descending_begin(&d, p, 1000, items, spare);
            if (count < 1000) descending_at(&d, count - 1);
            int32_t found = descending_find(&d, count, wanted);
            bool near = fabs(sum - wanted) < 1e-9 && at && found == sorted[at - 1];
            if (at < count && p[sorted[at]] > 0 && !near) assert_int_equal(found, sorted[at]);
            assert_true(p[found] > 0);
        }
        descending_begin(&d, p, 1000, items, spare);
        int32_t last = descending_find(&d, 1000, whole * 2); /* never reached: the last that is */
        for (int i = 0; i < 1000; i++)
            assert_true(p[sorted[i]] == 0 || i == 999 || p[sorted[i + 1]] > 0 || sorted[i] == last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_is_found_where_it_is_reached),
        cmocka_unit_test(as_a_sort_by_comparison),
        cmocka_unit_test(little_is_sorted_for_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
