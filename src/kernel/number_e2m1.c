/* number_e2m1.c - four bits: a sign, two of exponent, one of mantissa; two to a byte, the first one
 * below. Doubled, so that they are whole. Read only: in files it comes with a power of two for each
 * 32 of a row, in a tensor of their own. */
#include "kernel/number.h"
#include "kernel/number_levels.h"

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *pairs = blocks;
    for (int64_t i = 0; i < count / 2; i++) {
        values[2 * i] = (float)number_e2m1_levels[pairs[i] & 15];
        values[2 * i + 1] = (float)number_e2m1_levels[pairs[i] >> 4];
    }
}

const number_format number_e2m1 = { "e2m1", NULL, -1, 2, 1, unpack, NULL, 0, -1 };
