/* number_grid_test.c - the formats that quantise several values together, field by field: what one
 * byte of a block changes, by the formulas of their files. What whole blocks are, dequantise_test.c
 * compares with another program's numbers. */
#include "kernel/number_grid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/number.h"

enum { VALUES = 256, MOST_BYTES = 110, ONE = 0x3c /* upper byte of the float16 1 */ };

/* Each index stands for a point of its own, of levels that the format has. */
static void are_points(const uint16_t *grid, int count, int bits, int values, int levels)
{
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < i; j++) assert_int_not_equal(grid[i], grid[j]);
        assert_int_equal(grid[i] >> bits * values, 0);
        for (int j = 0; j < values; j++)
            assert_true((grid[i] >> bits * j & ((1 << bits) - 1)) < levels);
    }
}

static void grids_have_different_points(void **state)
{
    (void)state;
    are_points(number_grid_iq2_xxs, 256, 2, 8, 3);
    are_points(number_grid_iq2_xs, 512, 2, 8, 3);
    are_points(number_grid_iq2_s, 1024, 2, 8, 3);
    are_points(number_grid_iq3_xxs, 256, 3, 4, 8);
    are_points(number_grid_iq3_s, 512, 3, 4, 8);
    are_points(number_grid_iq1, 2048, 2, 8, 3);
}

static void signs_are_even(void **state)
{
    (void)state;
    for (uint32_t seven = 0; seven < 256; seven++) {
        uint8_t signs = number_even_signs(seven);
        assert_int_equal(signs & 127, seven & 127);
        assert_int_equal(__builtin_popcount(signs) % 2, 0);
    }
}

/* A block of zeros, but for the scale, 1, and what a test sets. */
typedef struct block {
    const number_format *format;
    uint8_t bytes[MOST_BYTES];
    float value[VALUES];
} block;

static block block_of(const number_format *f, int scale_at)
{
    block b = { .format = f };
    assert_true(f->block == VALUES && f->block_bytes <= MOST_BYTES);
    if (scale_at >= 0) b.bytes[scale_at + 1] = ONE;
    return b;
}

static void unpack(block *b) { b->format->unpack(b->bytes, b->value, VALUES); }

/* The values from..to are these, over and over; all others are `other`. */
static void expect(block *b, int from, int to, const float *values, int count, float other)
{
    unpack(b);
    for (int i = 0; i < VALUES; i++) {
        float expected = i >= from && i < to ? values[(i - from) % count] : other;
        if (b->value[i] != expected)
            fail_msg("%s: value %d: expected %g, found %g", b->format->name, i, (double)expected,
                (double)b->value[i]);
    }
}

#define EXPECT(b, from, to, other, ...)                                                            \
    expect(b, from, to, (const float[]){ __VA_ARGS__ },                                            \
        sizeof((const float[]){ __VA_ARGS__ }) / sizeof(float), other)

/* Point 0 is (8, 8, ...), point 1 (43, 8, 8, ...); the least scale is an eighth. */
static void two_bits(void **state)
{
    (void)state;
    block b = block_of(&number_iq2_xxs, 0);
    b.bytes[2 + 8 + 1] = 1; /* sub-block 1, point 1: values 40 to 47 */
    EXPECT(&b, 40, 48, 1, 43 / 8.0f, 1, 1, 1, 1, 1, 1, 1);
    b.bytes[2 + 8 + 4] = 0x80; /* its signs begin at bit 7: the first, and so the last */
    EXPECT(&b, 40, 48, 1, -43 / 8.0f, 1, 1, 1, 1, 1, 1, -1);
    b = block_of(&number_iq2_xxs, 0);
    b.bytes[2 + 2 * 8 + 7] = 0x30; /* sub-block 2: (3 + 1/2) / 4 */
    EXPECT(&b, 64, 96, 1, 7);

    b = block_of(&number_iq2_xs, 0);
    b.bytes[2 + 2 * 3 + 1] = 2; /* point 3: the first of its signs */
    EXPECT(&b, 24, 32, 1, -1, 1, 1, 1, 1, 1, 1, -1);
    b.bytes[2 + 2 * 3 + 1] = 0;
    b.bytes[66 + 2] = 0x10; /* sub-block 5: (1 + 1/2) / 4 */
    EXPECT(&b, 80, 96, 1, 3);

    b = block_of(&number_iq2_s, 0);
    b.bytes[34 + 5] = 0x81; /* point 5: all eight signs are stored */
    EXPECT(&b, 40, 48, 1, -1, 1, 1, 1, 1, 1, 1, -1);
    b.bytes[34 + 5] = 0;
    b.bytes[66 + 1] = 0x08; /* point 5 again, 2 * 256 more */
    float point[8];
    for (int j = 0; j < 8; j++)
        point[j] = (float)number_grid_iq2_levels[number_grid_iq2_s[512] >> 2 * j & 3] / 8;
    expect(&b, 40, 48, point, 8, 1);
}

static void three_bits(void **state)
{
    (void)state;
    block b = block_of(&number_iq3_xxs, 0);
    EXPECT(&b, 0, 0, 1, 0); /* 4 times a quarter */
    b.bytes[66 + 4] = 0x12; /* sub-block 1, signs of its points 0 and 1: the second, the fifth */
    EXPECT(&b, 32, 40, 1, 1, -1, 1, 1, -1, 1, 1, 1);
    b.bytes[66 + 4] = 0;
    b.bytes[66 + 4 + 3] = 0x20; /* (2 + 1/2) / 2 */
    EXPECT(&b, 32, 64, 1, 5);

    b = block_of(&number_iq3_s, 0);
    EXPECT(&b, 0, 0, 1, 0);
    b.bytes[74 + 1] = 0x21; /* elements 8 and 13 */
    EXPECT(&b, 8, 16, 1, -1, 1, 1, 1, 1, -1, 1, 1);
    b.bytes[74 + 1] = 0;
    b.bytes[106] = 0x20; /* sub-block 1: 1 + 2 * 2 */
    EXPECT(&b, 32, 64, 1, 5);
    b.bytes[106] = 0;
    b.bytes[66] = 0x04; /* point 2: 256 more */
    float point[4];
    for (int j = 0; j < 4; j++) point[j] = (float)(2 * (number_grid_iq3_s[256] >> 3 * j & 7) + 1);
    expect(&b, 8, 12, point, 4, 1);
}

/* Point 0 is (-1, -1, ...). */
static void ternary_points(void **state)
{
    (void)state;
    block b = block_of(&number_iq1_s, 0);
    b.bytes[34 + 2 * 3 + 1] = 0x80; /* sub-block 3: an eighth less */
    EXPECT(&b, 96, 128, -0.875f, -1.125f);
    b.bytes[34 + 2 * 3 + 1] = 0x30; /* 1 + 2 * 3 */
    EXPECT(&b, 96, 128, -0.875f, -6.125f);
    b.bytes[34 + 2 * 3 + 1] = 0;
    b.bytes[34 + 2 * 3] = 0x08; /* its point 1: 256 more */
    float point[8];
    for (int j = 0; j < 8; j++) point[j] = (float)(number_grid_iq1[256] >> 2 * j & 3) - 1 + 0.125f;
    expect(&b, 104, 112, point, 8, -0.875f);

    b = block_of(&number_iq1_m, -1);
    b.bytes[48 + 7] = 0x30; /* the scale, 0x3c00: its upper four bits */
    b.bytes[48 + 5] = 0xc0;
    EXPECT(&b, 0, 0, -0.875f, 0);
    b.bytes[32 + 2] = 0x80; /* point 5: an eighth less */
    EXPECT(&b, 40, 48, -0.875f, -1.125f);
    b.bytes[32 + 2] = 0;
    b.bytes[48 + 2] = 0x08; /* sub-block 5: 1 + 2 * 1 */
    EXPECT(&b, 80, 96, -0.875f, -2.625f);
}

static void ternary_values(void **state)
{
    (void)state;
    block b = block_of(&number_tq2_0, 64);
    EXPECT(&b, 0, 0, -1, 0);
    b.bytes[32 + 7] = 0x60; /* bits 10 at place 2 and 01 at place 3 of byte 7 of the second half */
    unpack(&b);
    assert_true(b.value[128 + 64 + 7] == 1 && b.value[128 + 96 + 7] == 0);
    assert_true(b.value[128 + 32 + 7] == -1);

    b = block_of(&number_tq1_0, 52);
    EXPECT(&b, 0, 0, -1, 0);
    b.bytes[3] = 171; /* 2 / 3: the digits 2 0 0 0 0 */
    EXPECT(&b, 3, 4, -1, 1);
    b.bytes[3] = 0;
    b.bytes[48 + 1] = 29; /* 1 / 9: the digits 0 1 0 0, of the last four bytes */
    EXPECT(&b, 245, 246, -1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grids_have_different_points),
        cmocka_unit_test(signs_are_even),
        cmocka_unit_test(two_bits),
        cmocka_unit_test(three_bits),
        cmocka_unit_test(ternary_points),
        cmocka_unit_test(ternary_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
