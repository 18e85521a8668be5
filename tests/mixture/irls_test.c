/* irls_test.c - at the maximum the gradient is 0 and the rows' sum as it was; separable shares,
 * inputs that depend on each other and rows of no share do no harm. */
#include "mixture/irls.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "mixture/row.h"
#include "support/succeeds.h"

enum {
    ROWS = 120,
    WIDTH = 3,
    CLASSES = 4,
    N = WIDTH * CLASSES,
    ROOM = CLASSES + 3 * N + 2 * N * N
};

static double input[ROWS * WIDTH], share[ROWS * CLASSES], room[ROOM], w[N];

static void fill(void)
{
    random_key key = random_key_of(1, "irls test", 0, 0);
    for (int n = 0; n < ROWS; n++) {
        for (int a = 0; a < WIDTH - 1; a++)
            input[n * WIDTH + a] = random_normal(key, (uint64_t)(n * WIDTH + a));
        input[n * WIDTH + WIDTH - 1] = 1;
    }
    for (int i = 0; i < ROWS * CLASSES; i++)
        share[i] = random_uniform(key, (uint64_t)(i + ROWS * WIDTH));
    for (int i = 0; i < N; i++) w[i] = random_normal(key, (uint64_t)(i + 100000));
}

static double value(void)
{
    double log_p[CLASSES], sum = 0;
    for (int n = 0; n < ROWS; n++) {
        log_softmax_of(w, input + n * WIDTH, CLASSES, WIDTH, log_p);
        for (int k = 0; k < CLASSES; k++) sum += share[n * CLASSES + k] * log_p[k];
    }
    return sum;
}

static double largest_slope(void)
{
    double log_p[CLASSES], gradient[N] = { 0 }, most = 0;
    for (int n = 0; n < ROWS; n++) {
        double whole = 0;
        log_softmax_of(w, input + n * WIDTH, CLASSES, WIDTH, log_p);
        for (int k = 0; k < CLASSES; k++) whole += share[n * CLASSES + k];
        for (int k = 0; k < CLASSES; k++)
            for (int a = 0; a < WIDTH; a++)
                gradient[k * WIDTH + a] +=
                    (share[n * CLASSES + k] - whole * exp(log_p[k])) * input[n * WIDTH + a];
    }
    for (int i = 0; i < N; i++) most = fmax(most, fabs(gradient[i]));
    return most;
}

static void fit_shares(void)
{
    const irls f = { ROWS, WIDTH, CLASSES, input, share };
    assert_int_equal(irls_room(WIDTH, CLASSES), ROOM);
    succeeds(irls_fit(&f, room, w));
}

static void the_gradient_is_0_at_the_maximum(void **state)
{
    (void)state;
    double before[WIDTH] = { 0 }, after[WIDTH] = { 0 };
    fill();
    for (int i = 0; i < N; i++) before[i % WIDTH] += w[i];
    fit_shares();
    for (int i = 0; i < N; i++) after[i % WIDTH] += w[i];
    assert_true(largest_slope() < 1e-10);
    for (int a = 0; a < WIDTH; a++) assert_true(fabs(before[a] - after[a]) < 1e-11);
}

/* From far away the first whole step would overshoot. */
static void a_poor_start_ends_there_too(void **state)
{
    (void)state;
    double found[N];
    fill();
    for (int i = 0; i < N; i++) w[i] *= 8;
    fit_shares();
    assert_true(largest_slope() < 1e-9);
    memcpy(found, w, sizeof found);
    memset(w, 0, sizeof w);
    fit_shares();
    for (int i = 0; i < N; i++) /* but for the shift, which is of the start */
        for (int j = i % WIDTH; j < i; j += WIDTH)
            assert_true(fabs(found[i] - found[j] - w[i] + w[j]) < 1e-8);
}

static void separable_shares_come_to_an_end(void **state)
{
    (void)state;
    fill();
    memset(share, 0, sizeof share);
    for (int n = 0; n < ROWS; n++) share[n * CLASSES + (input[n * WIDTH] > 0)] = 1;
    double before = value();
    fit_shares();
    assert_true(isfinite(value()) && value() > before && value() > -1e-6);
    for (int i = 0; i < N; i++) assert_true(isfinite(w[i]));
}

static void dependent_inputs_and_empty_rows_are_fine(void **state)
{
    (void)state;
    fill();
    for (int n = 0; n < ROWS; n++) input[n * WIDTH + 1] = 3 * input[n * WIDTH] - 1;
    for (int i = 0; i < ROWS * CLASSES / 3; i++) share[i] = 0;
    fit_shares();
    assert_true(largest_slope() < 1e-8);
    memset(share, 0, sizeof share);
    double kept = w[0];
    fit_shares();
    assert_true(w[0] == kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_is_0_at_the_maximum),
        cmocka_unit_test(a_poor_start_ends_there_too),
        cmocka_unit_test(separable_shares_come_to_an_end),
        cmocka_unit_test(dependent_inputs_and_empty_rows_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
