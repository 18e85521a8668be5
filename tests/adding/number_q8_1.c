/* number_q8_1.c - Q8_1: blocks of 32 signed bytes q under one scale, with their sum.
 *
 *     value = scale * q
 *
 *     bytes 0-3     scale, scale times the sum of q: float16
 *     bytes 4-35    q */
#include <math.h>

#include "kernel/number.h"
#include "kernel/number_fit.h"

enum { BLOCK = 32, BLOCK_BYTES = 36 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block);
        for (int j = 0; j < BLOCK; j++) values[i + j] = scale * (float)(int8_t)block[4 + j];
    }
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks;
    int8_t quants[BLOCK];
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_finite_half(fabsf(number_largest(values + i, BLOCK)) / 127);
        int sum = 0;
        number_quantise(values + i, BLOCK, scale, -127, 127, quants);
        for (int j = 0; j < BLOCK; j++) sum += quants[j];
        number_put_half(block, scale);
        number_put_half(block + 2, number_finite_half(scale * (float)sum));
        memcpy(block + 4, quants, BLOCK);
    }
}

const number_format number_q8_1 = { "q8_1", NULL, 9, BLOCK, BLOCK_BYTES, unpack, pack, 0.006, -1 };
