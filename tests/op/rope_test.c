/* rope_test.c - rotary positions: the published frequencies, both pairings, part of a head,
 * gradients. */
#include "kernel/context.h"
#include "op/rope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/gradient.h"
#include "support/near.h"
#include "support/same_bits.h"

typedef struct published {
    rope_options o;
    double magnitude, frequency[8];
} published;

/* What transformers' rope initialisers give for a head of 16. */
static const published cases[] = {
    { { .width = 16, .theta = 10000, .scaling = ROPE_LINEAR, .factor = 4 }, 1,
        { 0.25, 0.079056941, 0.025, 0.00790569466, 0.0025, 0.000790569466, 0.00025,
            7.90569466e-05 } },
    { { .width = 16,
          .theta = 500000,
          .scaling = ROPE_LLAMA3,
          .factor = 8,
          .low_freq_factor = 1,
          .high_freq_factor = 4,
          .original_context = 64 },
        1,
        { 1, 0.079403013, 0.00470075384, 0.000911583134, 0.000176776681, 3.42810235e-05,
            6.64786967e-06, 1.28917316e-06 } },
    { { .width = 16,
          .theta = 10000,
          .scaling = ROPE_YARN,
          .factor = 4,
          .original_context = 64,
          .beta_fast = 32,
          .beta_slow = 1,
          .truncate = true },
        1.138629436111989,
        { 1, 0.237170815, 0.05, 0.00790569466, 0.0025, 0.000790569466, 0.00025, 7.90569466e-05 } },
    { { .width = 16,
          .theta = 10000,
          .scaling = ROPE_YARN,
          .factor = 4,
          .original_context = 512,
          .beta_fast = 32,
          .beta_slow = 1 },
        1.138629436111989,
        { 1, 0.301406473, 0.0703986362, 0.0143833589, 0.0025, 0.000790569466, 0.00025,
            7.90569466e-05 } },
    { { .width = 16,
          .theta = 10000,
          .scaling = ROPE_YARN,
          .factor = 40,
          .original_context = 4096,
          .beta_fast = 32,
          .beta_slow = 1,
          .truncate = true,
          .mscale = 0.707,
          .mscale_all_dim = 1 },
        0.9210423553163399,
        { 1, 0.316227764, 0.1, 0.0239147246, 0.00512499968, 0.000849862176, 2.5e-05,
            7.90569447e-06 } },
    /* YaRN's bounds: both below the first pair, and so equal */
    { { .width = 16,
          .theta = 10000,
          .scaling = ROPE_YARN,
          .factor = 4,
          .original_context = 6,
          .beta_fast = 32,
          .beta_slow = 1,
          .truncate = true },
        1.138629436111989,
        { 1, 0.0790569415, 0.025, 0.00790569415, 0.0025, 0.000790569415, 0.00025,
            7.90569415e-05 } },
    /* equal between two pairs */
    { { .width = 16,
          .theta = 10000,
          .scaling = ROPE_YARN,
          .factor = 4,
          .original_context = 64,
          .beta_fast = 1,
          .beta_slow = 1 },
        1.138629436111989,
        { 1, 0.316227766, 0.1, 0.00790569415, 0.0025, 0.000790569415, 0.00025, 7.90569415e-05 } },
    /* the upper one beyond the last pair, clamped at width - 1 */
    { { .width = 16,
          .theta = 10,
          .scaling = ROPE_YARN,
          .factor = 4,
          .original_context = 4096,
          .beta_fast = 600,
          .beta_slow = 1 },
        1.138629436111989,
        { 1, 0.722683764, 0.513268439, 0.363399114, 0.256389729, 0.180176007, 0.126047348,
            0.0877239386 } },
    /* the lower one before the first, clamped at 0: with the upper one clamped too, and without */
    { { .width = 16,
          .theta = 10,
          .scaling = ROPE_YARN,
          .factor = 4,
          .original_context = 4096,
          .beta_fast = 2000,
          .beta_slow = 4 },
        1.138629436111989,
        { 1, 0.712399499, 0.506107193, 0.358442028, 0.252982213, 0.177853028, 0.124479559,
            0.0866788931 } },
    { { .width = 16,
          .theta = 10000,
          .scaling = ROPE_YARN,
          .factor = 4,
          .original_context = 64,
          .beta_fast = 60,
          .beta_slow = 1 },
        1.138629436111989,
        { 1, 0.19858352, 0.0255952459, 0.00790569415, 0.0025, 0.000790569415, 0.00025,
            7.90569415e-05 } },
};

static compute *two_workers(void)
{
    compute *c;
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    return c;
}

static void test_published(void **state)
{
    (void)state;
    compute *c = two_workers();
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        rope *r;
        assert_int_equal(rope_new(&cases[k].o, 40, &r), CADRE_OK);
        /* The first of each pair: becomes cosine and sine */
        real x[16] = { 1, 1, 1, 1, 1, 1, 1, 1 };
        int32_t position = 37;
        rope_forward(c, r, 1, 1, &position, rows_to(x, 16), 16);
        for (int i = 0; i < 8; i++) { /* the frequencies above have single precision */
            double angle = 37 * cases[k].frequency[i], size = cases[k].magnitude;
            assert_true(fabs((double)x[i] - cos(angle) * size) < 5e-6 &&
                        fabs((double)x[8 + i] - sin(angle) * size) < 5e-6);
        }
        rope_free(r);
    }
    compute_free(c);
}

enum { T = 5, HEADS = 3, WIDTH = 10, ROTATED = 6, AT = 2, ROW = HEADS * WIDTH + 1 };

typedef struct layer {
    compute *c;
    rope *r;
    int32_t positions[T];
    real x[T * ROW], y[T * ROW], dy[T * ROW], dx[T * ROW];
} layer;

static void forward(void *state)
{
    layer *s = state;
    memcpy(s->y, s->x, sizeof s->y);
    rope_forward(s->c, s->r, T, HEADS, s->positions, rows_to(s->y + AT, ROW), WIDTH);
}

/* Elements AT .. AT+ROTATED-1 of each head are rotated, by positions of their own, and the
 * others stay. */
static void check_part(bool pairs)
{
    layer s = { .c = two_workers(), .positions = { 3, 0, 7, 7, 1 } };
    rope_options o = { .width = ROTATED, .theta = 100, .pairs = pairs };
    assert_int_equal(rope_new(&o, 8, &s.r), CADRE_OK);
    gradient_fill(s.x, T * ROW, 1, 1);
    gradient_fill(s.dy, T * ROW, 2, 1);
    forward(&s);
    for (int t = 0; t < T; t++)
        for (int h = 0; h < HEADS; h++)
            for (int i = 0; i < WIDTH; i++) {
                const real *x = s.x + t * ROW + h * WIDTH, *y = s.y + t * ROW + h * WIDTH;
                int j = i - AT, pair = pairs ? j / 2 : j % (ROTATED / 2),
                    a = AT + (pairs ? 2 * pair : pair);
                int b = a + (pairs ? 1 : ROTATED / 2);
                double angle = s.positions[t] * pow(100, -2.0 * pair / ROTATED),
                       expected = (double)x[i];
                if (j >= 0 && j < ROTATED && i == a)
                    expected = (double)x[a] * cos(angle) - (double)x[b] * sin(angle);
                if (j >= 0 && j < ROTATED && i == b)
                    expected = (double)x[b] * cos(angle) + (double)x[a] * sin(angle);
                assert_near("y", i, y[i], expected);
            }
    memcpy(s.dx, s.dy, sizeof s.dx);
    rope_backward(s.c, s.r, T, HEADS, s.positions, rows_to(s.dx + AT, ROW), WIDTH);
    gradient_loss loss = { .forward = forward, .state = &s, .part = { { s.y, s.dy, T * ROW } } };
    gradient_check(&loss, pairs ? "pairs" : "halves", s.x, s.dx, T * ROW);
    rope_free(s.r);
    compute_free(s.c);
}

static void test_part_of_a_head(void **state)
{
    (void)state;
    check_part(false);
    check_part(true);
}

/* What a formula does to the frequencies, as a list of divisors: the same turn. */
static void test_a_list_of_divisors(void **state)
{
    (void)state;
    enum { HALF = 8, POSITIONS = 100 };
    rope_options formula = { .width = 2 * HALF,
        .theta = 10000,
        .scaling = ROPE_LLAMA3,
        .factor = 8,
        .original_context = 64,
        .low_freq_factor = 1,
        .high_freq_factor = 4 };
    double divisors[HALF];
    bool stretched = false;
    for (int i = 0; i < HALF; i++) {
        divisors[i] = rope_divisor(&formula, i);
        assert_true(divisors[i] >= 1 && divisors[i] <= 8.0001);
        stretched |= divisors[i] > 7.9;
    }
    assert_true(stretched && divisors[0] == 1);
    rope_options list = { .width = 2 * HALF,
        .theta = 10000,
        .scaling = ROPE_LISTED,
        .divisor = divisors,
        .divisors = HALF };
    for (int i = 0; i < HALF; i++) assert_true(fabs(rope_divisor(&list, i) - divisors[i]) < 1e-9);
    rope *r = NULL;
    assert_int_equal(rope_new(&list, POSITIONS, &r), CADRE_OK);
    rope_free(r);
    list.divisors = HALF - 1;
    assert_int_equal(rope_new(&list, POSITIONS, &r), CADRE_EARGUMENT);
    list.divisors = HALF;
    divisors[3] = 0;
    assert_int_equal(rope_new(&list, POSITIONS, &r), CADRE_EARGUMENT);
}

/* As plain ones up to the context that they were trained on. */
static void test_dynamic(void **state)
{
    (void)state;
    rope_options o = {
        .width = 8, .theta = 10000, .scaling = ROPE_DYNAMIC, .factor = 2, .original_context = 64
    };
    rope *r = NULL;
    for (int i = 0; i < 4; i++) assert_true(rope_divisor(&o, i) == 1);
    assert_int_equal(rope_new(&o, 64, &r), CADRE_OK);
    rope_free(r);
    assert_int_equal(rope_new(&o, 65, &r), CADRE_EUNSUPPORTED);
    assert_non_null(strstr(cadre_last_error(), "dynamic"));
}

static void test_refusals(void **state)
{
    (void)state;
    rope *r = NULL;
    rope_options good = { .width = 8,
        .theta = 10000,
        .scaling = ROPE_YARN,
        .factor = 2,
        .original_context = 64,
        .beta_fast = 32,
        .beta_slow = 1 };
    rope_options bad[] = { good, good, good, good, good, good };
    bad[0].width = 7;
    bad[1].theta = -1;
    bad[2].factor = 0;
    bad[3].original_context = (double)NAN;
    bad[4].beta_slow = 0;
    bad[5] = (rope_options){ .width = 8,
        .theta = 10000,
        .scaling = ROPE_LLAMA3,
        .factor = 8,
        .original_context = 64,
        .low_freq_factor = 4,
        .high_freq_factor = 4 };
    for (int i = 0; i < 6; i++) assert_int_equal(rope_new(&bad[i], 10, &r), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "high_freq_factor"));
    assert_int_equal(rope_new(&good, INT64_MAX / 2, &r), CADRE_EARGUMENT);
    for (int n = 1; n <= 3; n++) {
        mem_fail_at(n, false);
        assert_int_equal(rope_new(&good, 10, &r), CADRE_ENOMEM);
    }
    mem_fail_at(0, false);
    assert_null(r);
    rope_free(NULL);
}

static void run(compute *c, void *state, real *out)
{
    enum { ROWS = 200, SIZE = 128 };
    int32_t positions[ROWS];
    for (int t = 0; t < ROWS; t++) positions[t] = t;
    gradient_fill(out, ROWS * SIZE, 1, 1);
    rope_forward(c, state, ROWS, 4, positions, rows_to(out, SIZE), SIZE / 4);
}

static void test_same_bits(void **state)
{
    (void)state;
    for (int pairs = 0; pairs < 2; pairs++) {
        rope *r;
        rope_options o = { .width = 32, .theta = 10000, .pairs = pairs };
        assert_int_equal(rope_new(&o, 200, &r), CADRE_OK);
        same_bits_check(run, r, 200 * 128);
        rope_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_part_of_a_head),
        cmocka_unit_test(test_a_list_of_divisors),
        cmocka_unit_test(test_dynamic),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
