/* number_int4_zero.c - AWQ's and GPTQ's weights as memory holds them: blocks of 32 values q of four
 * bits with a scale d, a float, and a zero point z.  value = (q - z) d. No file has it.
 *
 *     byte 0 .. 3   4   5 .. 20
 *          d        z   pairs of q, the first of two in the lower half */
#include <string.h>

#include "kernel/number.h"

enum { BLOCK = 32, BLOCK_BYTES = 21, ZERO_AT = 4, PAIRS_AT = 5 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *at = blocks;
    for (int64_t b = 0; b < count / BLOCK; b++, at += BLOCK_BYTES, values += BLOCK) {
        const uint8_t *pairs = at + PAIRS_AT;
        const int zero = at[ZERO_AT];
        float scale;
        memcpy(&scale, at, sizeof scale);
        for (int i = 0; i < BLOCK / 2; i++) {
            values[2 * i] = (float)((pairs[i] & 15) - zero) * scale;
            values[2 * i + 1] = (float)((pairs[i] >> 4) - zero) * scale;
        }
    }
}

const number_format number_int4_zero = { "int4_zero", NULL, -1, BLOCK, BLOCK_BYTES, unpack, NULL, 0,
    -1 };
