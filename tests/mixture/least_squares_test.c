/* least_squares_test.c - maps that are known, rows without weight, columns that depend on each
 * other, inputs far from 0. */
#include "mixture/least_squares.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

enum { ROWS = 40, WIDTH = 3, TARGETS = 2, ROOM = ROWS * (WIDTH + TARGETS) + 2 * WIDTH };

static double input[ROWS * WIDTH], target[ROWS * TARGETS], weight[ROWS], room[ROOM],
    map[TARGETS * WIDTH];
static const double truth[] = { 2, -1, 0.5, 0, 3, -4 };

/* Inputs around `offset`, targets as the truth says. */
static void fill(double offset)
{
    random_key key = random_key_of(1, "least squares test", 0, 0);
    for (int n = 0; n < ROWS; n++) {
        input[n * WIDTH] = offset + random_normal(key, (uint64_t)n);
        input[n * WIDTH + 1] = random_normal(key, (uint64_t)(n + ROWS));
        input[n * WIDTH + 2] = 1;
        weight[n] = 0.1 + random_uniform(key, (uint64_t)(n + 2 * ROWS));
        for (int j = 0; j < TARGETS; j++) {
            target[n * TARGETS + j] = 0;
            for (int a = 0; a < WIDTH; a++)
                target[n * TARGETS + j] += truth[j * WIDTH + a] * input[n * WIDTH + a];
        }
    }
}

static void solve(void)
{
    const weighted_rows w = { ROWS, WIDTH, TARGETS, input, target, weight, 1 };
    assert_int_equal(least_squares_room(ROWS, WIDTH, TARGETS), ROOM);
    least_squares(&w, room, map);
}

static void expect_truth(double bound)
{
    for (int i = 0; i < TARGETS * WIDTH; i++)
        if (!(fabs(map[i] - truth[i]) <= bound))
            fail_msg("map[%d] is %.12g, expected %g", i, map[i], truth[i]);
}

static void a_map_without_noise_is_found(void **state)
{
    (void)state;
    fill(0);
    solve();
    expect_truth(1e-12);
}

static void rows_without_weight_do_not_count(void **state)
{
    (void)state;
    fill(0);
    for (int n = 0; n < ROWS; n += 3) {
        target[n * TARGETS] = 1e6;
        weight[n] = 0;
    }
    solve();
    expect_truth(1e-12);
}

/* The normal equations would leave no digit of the bias: the square of 1e7 is 1e14. */
static void inputs_far_from_0_keep_their_digits(void **state)
{
    (void)state;
    fill(1e7);
    solve();
    assert_true(fabs(map[0] - truth[0]) < 1e-6 && fabs(map[1] - truth[1]) < 1e-6);
    for (int n = 0; n < ROWS; n++) {
        double sum = 0;
        for (int a = 0; a < WIDTH; a++) sum += map[a] * input[n * WIDTH + a];
        assert_true(fabs(sum - target[n * TARGETS]) < 1e-6);
    }
}

static void residuals_are_orthogonal_to_the_inputs(void **state)
{
    (void)state;
    fill(0);
    for (int n = 0; n < ROWS * TARGETS; n++)
        target[n] += random_normal(random_key_of(2, "noise", 0, 0), (uint64_t)n);
    solve();
    for (int a = 0; a < WIDTH; a++) {
        double sum = 0;
        for (int n = 0; n < ROWS; n++) {
            double off = target[n * TARGETS];
            for (int b = 0; b < WIDTH; b++) off -= map[b] * input[n * WIDTH + b];
            sum += weight[n] * off * input[n * WIDTH + a];
        }
        assert_true(fabs(sum) < 1e-11);
    }
}

static void a_column_that_depends_on_others_gets_0(void **state)
{
    (void)state;
    fill(0);
    for (int n = 0; n < ROWS; n++) {
        input[n * WIDTH + 1] = 2 * input[n * WIDTH];
        target[n * TARGETS] = 3 * input[n * WIDTH] + 1;
    }
    solve();
    assert_true(fabs(map[0] - 3) < 1e-12 && map[1] == 0 && fabs(map[2] - 1) < 1e-12);
    for (int n = 1; n < ROWS; n++) weight[n] = 0; /* one row tells one number */
    solve();
    assert_true(map[1] == 0 && map[2] == 0);
    assert_true(fabs(map[0] * input[0] - target[0]) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_without_noise_is_found),
        cmocka_unit_test(rows_without_weight_do_not_count),
        cmocka_unit_test(inputs_far_from_0_keep_their_digits),
        cmocka_unit_test(residuals_are_orthogonal_to_the_inputs),
        cmocka_unit_test(a_column_that_depends_on_others_gets_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
