/* quantise_test.c - packing into the quantised formats: its error beside that of ggml's own
 * quantisers, blocks that are kept exactly, and input that no block can hold. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/number.h"

/* tests/oracle/quantise.py: the root of the mean squared error relative to that of the weights. */
static const struct {
    const char *format;
    double reference;
} expected[] = {
    { "q8_0", 0.006675 },
    { "q4_0", 0.106647 },
    { "q5_0", 0.053027 },
    { "q5_1", 0.044288 },
    { "q4_k", 0.084138 },
    { "q5_k", 0.042774 },
    { "q6_k", 0.021410 },
    { "mxfp4", 0.126000 },
};
enum { FORMATS = sizeof expected / sizeof *expected, ROWS = 64, COLS = 512, COUNT = ROWS * COLS };

static double uniform(uint64_t index)
{
    uint64_t z = (index + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 40) * 0x1p-24;
}

/* Heavy-tailed, under a scale for each row. */
static void make_weights(float *w)
{
    for (uint64_t i = 0; i < COUNT; i++) {
        double u[5], scale = 0.01 * (double)(1 + i / COLS % 7);
        for (uint64_t k = 0; k < 5; k++) u[k] = uniform(i * 5 + k);
        w[i] = (float)(scale * (u[0] + u[1] + u[2] + u[3] - 2) / (0.25 + u[4]));
    }
}

static uint8_t blocks[COUNT * 2];
static float weights[COUNT], back[COUNT];

static double relative_error(const number_format *f)
{
    double error = 0, square = 0;
    f->pack(weights, blocks, COUNT);
    f->unpack(blocks, back, COUNT);
    for (int i = 0; i < COUNT; i++) {
        double off = (double)back[i] - (double)weights[i];
        error += off * off;
        square += (double)weights[i] * (double)weights[i];
    }
    return sqrt(error / square);
}

static void error_is_not_above_the_references(void **state)
{
    (void)state;
    make_weights(weights);
    for (int k = 0; k < FORMATS; k++) {
        double found = relative_error(number_by_name(expected[k].format));
        if (!(found <= 1.0001 * expected[k].reference))
            fail_msg("%s: error %.6f", expected[k].format, found);
        if (found < 0.8 * expected[k].reference)
            fail_msg("%s: error %.6f is too good to be true", expected[k].format, found);
    }
}

/* Values that are whole steps apart, the widest in every part: the scale is found, up to the
 * rounding of scales and of steps that the format has more of. */
static void whole_steps_are_found(void **state)
{
    (void)state;
    const struct {
        const number_format *format;
        int steps;
        float within; /* of a step */
    } cases[] = { { &number_q4_0, 7, 0 }, { &number_q4_k, 7, 0.02f }, { &number_q5_k, 15, 0.02f },
        { &number_q6_k, 7, 0.15f } };
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < 512; i++)
            weights[i] = 0.125f * (float)(i % (2 * cases[k].steps + 1) - cases[k].steps);
        cases[k].format->pack(weights, blocks, 512);
        cases[k].format->unpack(blocks, back, 512);
        for (int i = 0; i < 512; i++)
            if (fabsf(back[i] - weights[i]) > cases[k].within * 0.125f)
                fail_msg("%s: %d: %g became %g", cases[k].format->name, i, (double)weights[i],
                    (double)back[i]);
    }
}

static void mxfp4_keeps_what_it_had(void **state)
{
    (void)state;
    for (int i = 0; i < 17 * 64; i++)
        blocks[i] = (uint8_t)(i % 17 ? i * 89 + 3 : 100 + i / 17 % 50);
    number_mxfp4.unpack(blocks, weights, 32 * 64);
    number_mxfp4.pack(weights, blocks, 32 * 64);
    number_mxfp4.unpack(blocks, back, 32 * 64);
    for (int i = 0; i < 32 * 64; i++) assert_true(back[i] == weights[i]);
}

/* Zeros stay zeros; whatever is finite stays finite; nothing is undefined for what is not. */
static void extreme_values_are_survived(void **state)
{
    (void)state;
    const float extremes[] = { 0, -0.0f, FLT_TRUE_MIN, -FLT_MIN, 1e-20f, -1e-7f, 1, 65504, -1e6f,
        1e20f, -FLT_MAX, INFINITY, NAN };
    for (int k = 0; k < FORMATS; k++) {
        const number_format *f = number_by_name(expected[k].format);
        for (int e = 0; e < 13; e++)
            for (int others = 0; others < 3; others++) {
                for (int i = 0; i < 512; i++)
                    weights[i] = others == 0   ? 0
                                 : others == 1 ? extremes[e]
                                               : 0.01f * (float)(i % 9);
                weights[77] = weights[401] = extremes[e];
                f->pack(weights, blocks, 512);
                f->unpack(blocks, back, 512);
                for (int i = 0; i < 512; i++)
                    if ((isfinite(extremes[e]) && !isfinite(back[i])) ||
                        (e < 2 && others < 2 && back[i] != 0))
                        fail_msg("%s: %d: %g became %g", f->name, i, (double)weights[i],
                            (double)back[i]);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_is_not_above_the_references),
        cmocka_unit_test(whole_steps_are_found),
        cmocka_unit_test(mxfp4_keeps_what_it_had),
        cmocka_unit_test(extreme_values_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
