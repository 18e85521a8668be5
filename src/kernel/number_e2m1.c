/* number_e2m1.c - E2M1: floats of four bits, a sign, two of exponent and one of mantissa. Two share
 * a byte, the first in its lower half. Unpacked they are doubled, so that they are integers. Read
 * only: in files each 32 of a row have a power of two, their block scale, in a second tensor. */
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
