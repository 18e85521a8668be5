/* causal_conv_test.c - a short convolution and its gradients against their definition, for
 * sequences shorter and longer than the taps, at once and token by token, and with SiLU. */
#include "op/causal_conv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernel/context.h"
#include "support/gradient.h"

enum { CHANNELS = 70, TAPS = 4, TOKENS = 9, SEQUENCES = 3, PAST = (TAPS - 1) * CHANNELS };
static const int64_t start[] = { 0, 1, 7, TOKENS };

typedef struct numbers {
    real w[CHANNELS * TAPS], bias[CHANNELS], dw[CHANNELS * TAPS], dbias[CHANNELS];
    real u[TOKENS * CHANNELS], y[TOKENS * CHANNELS], dy[TOKENS * CHANNELS], du[TOKENS * CHANNELS];
    real past[SEQUENCES * PAST];
    compute *compute;
} numbers;

static void fill(real *values, int64_t count, uint64_t use)
{
    random_key key = random_key_of(3, "values", use, 0);
    for (int64_t i = 0; i < count; i++)
        values[i] = (real)(random_uniform(key, (uint64_t)i) * 2 - 1);
}

static numbers *begin(int workers)
{
    numbers *n = MEM_ARRAY(numbers, 1);
    assert_non_null(n);
    assert_int_equal(compute_new(workers, NULL, &n->compute), CADRE_OK);
    fill(n->w, CHANNELS * TAPS, 0);
    fill(n->bias, CHANNELS, 1);
    fill(n->u, TOKENS * CHANNELS, 2);
    fill(n->dy, TOKENS * CHANNELS, 3);
    fill(n->past, SEQUENCES * PAST, 4);
    return n;
}

static void end(numbers *n)
{
    compute_free(n->compute);
    mem_free(n);
}

static causal_conv conv_of(numbers *n)
{
    return (causal_conv){ .channels = CHANNELS,
        .kernel = TAPS,
        .w = n->w,
        .bias = n->bias,
        .dw = n->dw,
        .dbias = n->dbias };
}

static token_batch batch(void)
{
    return (token_batch){ .tokens = TOKENS, .sequences = SEQUENCES, .start = start };
}

/* Input `back` tokens before token t of sequence i, its past included */
static real input(const numbers *n, int64_t i, int64_t t, int64_t back, int64_t c)
{
    int64_t in = t - back - start[i];
    if (in >= 0) return n->u[(t - back) * CHANNELS + c];
    return n->past[(i * (TAPS - 1) + TAPS - 1 + in) * CHANNELS + c];
}

static real output(const numbers *n, int64_t i, int64_t t, int64_t c)
{
    real sum = n->bias[c];
    for (int64_t j = 0; j < TAPS; j++) sum += n->w[c * TAPS + j] * input(n, i, t, TAPS - 1 - j, c);
    return sum;
}

static void outputs_are_the_sums(void **state)
{
    (void)state;
    token_batch b = batch();
    for (int workers = 1; workers <= 3; workers++) {
        numbers *n = begin(workers);
        causal_conv v = conv_of(n);
        causal_conv_forward(
            n->compute, &v, &b, n->past, rows_from(n->u, CHANNELS), rows_to(n->y, CHANNELS));
        for (int64_t i = 0; i < SEQUENCES; i++)
            for (int64_t t = start[i]; t < start[i + 1]; t++)
                for (int64_t c = 0; c < CHANNELS; c++)
                    assert_true(n->y[t * CHANNELS + c] == output(n, i, t, c));
        end(n);
    }
}

/* What was kept after each token makes the next one what it is beside the others. */
static void token_by_token_is_the_same(void **state)
{
    (void)state;
    numbers *n = begin(1);
    causal_conv v = conv_of(n);
    token_batch b = batch();
    static const int64_t one[] = { 0, 1 };
    token_batch single = { .tokens = 1, .sequences = 1, .start = one };
    real past[PAST], y[CHANNELS];
    causal_conv_forward(
        n->compute, &v, &b, n->past, rows_from(n->u, CHANNELS), rows_to(n->y, CHANNELS));
    for (int64_t i = 0; i < SEQUENCES; i++) {
        memcpy(past, n->past + i * PAST, sizeof past);
        for (int64_t t = start[i]; t < start[i + 1]; t++) {
            strided_in u = rows_from(n->u + t * CHANNELS, CHANNELS);
            causal_conv_forward(n->compute, &v, &single, past, u, rows_to(y, CHANNELS));
            assert_memory_equal(y, n->y + t * CHANNELS, sizeof y);
            causal_conv_keep(&v, &single, 0, u, past);
        }
        causal_conv_keep(&v, &b, i, rows_from(n->u, CHANNELS), n->past + i * PAST);
        assert_memory_equal(past, n->past + i * PAST, sizeof past);
    }
    end(n);
}

/* In training nothing comes before a sequence. */
static real input_gradient(const numbers *n, int64_t i, int64_t t, int64_t c)
{
    real sum = 0;
    for (int64_t j = 0; j < TAPS && t + j < start[i + 1]; j++)
        sum += n->w[c * TAPS + TAPS - 1 - j] * n->dy[(t + j) * CHANNELS + c];
    return sum;
}

static double tap_gradient(const numbers *n, int64_t c, int64_t j)
{
    double sum = 0;
    for (int64_t i = 0; i < SEQUENCES; i++)
        for (int64_t t = start[i] + TAPS - 1 - j; t < start[i + 1]; t++)
            sum +=
                (double)n->dy[t * CHANNELS + c] * (double)n->u[(t - (TAPS - 1 - j)) * CHANNELS + c];
    return sum;
}

static void gradients_are_the_sums(void **state)
{
    (void)state;
    token_batch b = batch();
    for (int workers = 1; workers <= 3; workers++) {
        numbers *n = begin(workers);
        causal_conv v = conv_of(n);
        memset(n->past, 0, sizeof n->past);
        v.accumulate = true;
        n->dw[5] = 7;
        causal_conv_backward(n->compute, &v, &b, rows_from(n->u, CHANNELS),
            rows_from(n->dy, CHANNELS), rows_to(n->du, CHANNELS));
        for (int64_t i = 0; i < SEQUENCES; i++)
            for (int64_t t = start[i]; t < start[i + 1]; t++)
                for (int64_t c = 0; c < CHANNELS; c++)
                    assert_true(n->du[t * CHANNELS + c] == input_gradient(n, i, t, c));
        for (int64_t e = 0; e < CHANNELS * TAPS; e++)
            assert_true(fabs((double)n->dw[e] - tap_gradient(n, e / TAPS, e % TAPS) -
                             (e == 5 ? 7 : 0)) < 1e-5);
        for (int64_t c = 0; c < CHANNELS; c++) {
            double sum = 0;
            for (int64_t t = 0; t < TOKENS; t++) sum += (double)n->dy[t * CHANNELS + c];
            assert_true(fabs((double)n->dbias[c] - sum) < 1e-5);
        }
        end(n);
    }
}

/* With SiLU: y = s sigmoid(s), and gradients are those of that. */
static void forward_from_nothing(void *arg)
{
    numbers *n = arg;
    causal_conv v = conv_of(n);
    token_batch b = batch();
    v.silu = true;
    causal_conv_forward(
        n->compute, &v, &b, NULL, rows_from(n->u, CHANNELS), rows_to(n->y, CHANNELS));
}

static void silu_is_applied(void **state)
{
    (void)state;
    numbers *n = begin(2);
    memset(n->past, 0, sizeof n->past);
    forward_from_nothing(n);
    for (int64_t i = 0; i < SEQUENCES; i++)
        for (int64_t t = start[i]; t < start[i + 1]; t++)
            for (int64_t c = 0; c < CHANNELS; c++) {
                double s = (double)output(n, i, t, c);
                assert_true(fabs((double)n->y[t * CHANNELS + c] - s / (1 + exp(-s))) < 1e-6);
            }
    end(n);
}

static void gradients_with_silu(void **state)
{
    (void)state;
    numbers *n = begin(2);
    causal_conv v = conv_of(n);
    token_batch b = batch();
    real ds[TOKENS * CHANNELS];
    v.silu = true;
    v.ds = ds;
    gradient_loss loss = {
        .forward = forward_from_nothing,
        .state = n,
        .part = { { n->y, n->dy, TOKENS * CHANNELS } },
    };
    causal_conv_backward(n->compute, &v, &b, rows_from(n->u, CHANNELS), rows_from(n->dy, CHANNELS),
        rows_to(n->du, CHANNELS));
    gradient_check(&loss, "input", n->u, n->du, TOKENS * CHANNELS);
    gradient_check(&loss, "taps", n->w, n->dw, CHANNELS * TAPS);
    gradient_check(&loss, "bias", n->bias, n->dbias, CHANNELS);
    end(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_the_sums),
        cmocka_unit_test(token_by_token_is_the_same),
        cmocka_unit_test(gradients_are_the_sums),
        cmocka_unit_test(silu_is_applied),
        cmocka_unit_test(gradients_with_silu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
