/* number_int4.c - integers of four bits from -8 to 7, stored with 8 added. Two share a byte,
 * the first in its lower half. Read only: in folders each group of a row has a scale in a second
 * tensor. */
#include "kernel/number.h"

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *pairs = blocks;
    for (int64_t i = 0; i < count / 2; i++) {
        values[2 * i] = (float)((pairs[i] & 15) - 8);
        values[2 * i + 1] = (float)((pairs[i] >> 4) - 8);
    }
}

const number_format number_int4 = { "int4", NULL, -1, 2, 1, unpack, NULL, 0, -1 };
