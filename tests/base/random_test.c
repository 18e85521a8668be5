/* random_test.c - Philox against its published answer, and what is drawn from it. */
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void philox_gives_the_published_numbers(void **state)
{
    (void)state;
    /* Counter 0, key 0; Random123 */
    const uint32_t expected[] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 };
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(random_bits((random_key){ 0, 0 }, i), expected[i]);
}

static void keys_differ_by_seed_use_and_place(void **state)
{
    (void)state;
    const random_key keys[] = { random_key_of(1, "jitter", 0, 0), random_key_of(2, "jitter", 0, 0),
        random_key_of(1, "order", 0, 0), random_key_of(1, "jitter", 1, 0),
        random_key_of(1, "jitter", 0, 1) };
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < i; j++)
            assert_true(keys[i].k0 != keys[j].k0 || keys[i].k1 != keys[j].k1);
    random_key again = random_key_of(1, "jitter", 0, 0);
    assert_true(again.k0 == keys[0].k0 && again.k1 == keys[0].k1);
}

static void uniform_numbers_are_spread_over_the_open_interval(void **state)
{
    (void)state;
    random_key key = random_key_of(3, "test", 0, 0);
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        double u = random_uniform(key, i);
        assert_true(u > 0 && u < 1);
        sum += u;
        squares += u * u;
    }
    assert_true(fabs(sum / 1e5 - 0.5) < 0.005);
    assert_true(fabs(squares / 1e5 - 1.0 / 3) < 0.005);
}

static void normal_numbers_have_their_moments(void **state)
{
    (void)state;
    random_key key = random_key_of(4, "test", 0, 0);
    double sum = 0, squares = 0, fourth = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        double x = random_normal(key, i);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    assert_true(fabs(sum / 1e5) < 0.01);
    assert_true(fabs(squares / 1e5 - 1) < 0.02);
    assert_true(fabs(fourth / 1e5 - 3) < 0.15);
}

static void a_permutation_visits_each_once(void **state)
{
    (void)state;
    for (uint64_t count = 1; count < 3000; count = count * 3 + 1) {
        random_key key = random_key_of(5, "test", count, 0);
        char *seen = calloc(count, 1);
        uint64_t moved = 0;
        for (uint64_t i = 0; i < count; i++) {
            uint64_t j = random_permute(key, count, i);
            assert_true(j < count && !seen[j]);
            seen[j] = 1;
            moved += j != i;
        }
        assert_true(count < 10 || moved > count / 2);
        free(seen);
    }
}

/* Worked out by a program of its own, from the papers: a run can be repeated by every version. */
static void what_is_drawn_stays_the_same_for_ever(void **state)
{
    (void)state;
    static const struct {
        uint64_t index;
        uint32_t bits;
        double uniform, normal;
    } drawn[] = { { 0, 0x9479197a, 0.5799728321144357, 1.325362220524254 },
        { 1, 0x1607cda9, 0.08605656994041055, 1.261607765846701 },
        { 6, 0x9c83fe9a, 0.6113890769192949, 0.8869815678932589 },
        { (UINT64_C(1) << 40) + 5, 0x27ae6b31, 0.15500516851898283, 0.9205875761619606 } };
    random_key key = random_key_of(1, "jitter", 2, 3), plain = random_key_of(0, "", 0, 0),
               far = random_key_of(UINT64_MAX, "order", UINT64_C(1) << 40, 7);
    assert_true(key.k0 == 0xef99c8e8 && key.k1 == 0xd43501db);
    assert_true(plain.k0 == 0x956f555d && plain.k1 == 0x546ab76a);
    assert_true(far.k0 == 0x731a2b36 && far.k1 == 0xaf89801b);
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        assert_int_equal(random_bits(key, drawn[i].index), drawn[i].bits);
        assert_true(random_uniform(key, drawn[i].index) == drawn[i].uniform);
        assert_true(fabs(random_normal(key, drawn[i].index) - drawn[i].normal) < 1e-15);
    }
}

static void a_permutation_stays_the_same_for_ever(void **state)
{
    (void)state;
    static const uint64_t ten[] = { 5, 8, 1, 4, 0, 3, 6, 2, 7, 9 },
                          many[] = { 7037, 3413, 72906, 68966 };
    random_key key = random_key_of(1, "jitter", 2, 3);
    for (uint64_t i = 0; i < 10; i++) assert_int_equal(random_permute(key, 10, i), ten[i]);
    for (uint64_t i = 0; i < 4; i++) assert_int_equal(random_permute(key, 100000, i), many[i]);
    assert_int_equal(random_permute(key, 1, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_numbers),
        cmocka_unit_test(keys_differ_by_seed_use_and_place),
        cmocka_unit_test(uniform_numbers_are_spread_over_the_open_interval),
        cmocka_unit_test(normal_numbers_have_their_moments),
        cmocka_unit_test(a_permutation_visits_each_once),
        cmocka_unit_test(what_is_drawn_stays_the_same_for_ever),
        cmocka_unit_test(a_permutation_stays_the_same_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
