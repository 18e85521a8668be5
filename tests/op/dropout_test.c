/* dropout_test.c - how many numbers are left out, that the mean stays, that forward and backward
 * leave out the same, and that a part of a batch leaves out what the whole does. */
#include "op/dropout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/context.h"

enum { TOKENS = 64, WIDTH = 48, NUMBERS = TOKENS * WIDTH };

static void fill(real *x)
{
    for (int i = 0; i < NUMBERS; i++) x[i] = 1;
}

static void a_share_is_left_out(void **state)
{
    (void)state;
    static real x[NUMBERS], again[NUMBERS];
    compute *c;
    int zeros = 0;
    double sum = 0;
    batch_random random = { .train = true, .seed = 3, .step = 2 };
    dropout d = dropout_of(&random, 0.25, "test", 1);
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    fill(x), fill(again);
    dropout_apply(c, &d, TOKENS, WIDTH, x);
    dropout_apply(c, &d, TOKENS, WIDTH, again);
    assert_memory_equal(x, again, sizeof x);
    for (int i = 0; i < NUMBERS; i++) zeros += x[i] == 0, sum += (double)x[i];
    assert_true(zeros > NUMBERS / 5 && zeros < NUMBERS * 3 / 10);
    assert_true(sum > 0.95 * NUMBERS && sum < 1.05 * NUMBERS);
    compute_free(c);
}

static void parts_are_the_whole(void **state)
{
    (void)state;
    static real whole[NUMBERS], parts[NUMBERS];
    compute *c;
    batch_random random = { .train = true, .seed = 3 }, second = random;
    second.first_token = TOKENS / 2;
    dropout d = dropout_of(&random, 0.5, "test", 0), e = dropout_of(&second, 0.5, "test", 0);
    assert_int_equal(compute_new(3, NULL, &c), CADRE_OK);
    fill(whole), fill(parts);
    dropout_apply(c, &d, TOKENS, WIDTH, whole);
    dropout_apply(c, &d, TOKENS / 2, WIDTH, parts);
    dropout_apply(c, &e, TOKENS / 2, WIDTH, parts + NUMBERS / 2);
    assert_memory_equal(whole, parts, sizeof whole);
    compute_free(c);
}

static void without_a_chance_nothing_changes(void **state)
{
    (void)state;
    static real x[NUMBERS], before[NUMBERS];
    compute *c;
    batch_random random = { .train = true };
    dropout d = dropout_of(&random, 0, "test", 0);
    assert_int_equal(compute_new(1, NULL, &c), CADRE_OK);
    fill(x), fill(before);
    dropout_apply(c, &d, TOKENS, WIDTH, x);
    assert_memory_equal(x, before, sizeof x);
    compute_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_left_out),
        cmocka_unit_test(parts_are_the_whole),
        cmocka_unit_test(without_a_chance_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
