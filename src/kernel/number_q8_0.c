/* number_q8_0.c - Q8_0: blocks of 32 signed bytes q under one scale.
 *
 *     value = scale * q
 *
 *     bytes 0-1     scale: float16
 *     bytes 2-33    q */
#include <math.h>

#include "kernel/number.h"
#include "kernel/number_fit.h"

enum { BLOCK = 32, BLOCK_BYTES = 34 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block);
        for (int j = 0; j < BLOCK; j++) values[i + j] = scale * (float)(int8_t)block[2 + j];
    }
}

/* The largest magnitude becomes 127: with 255 steps nothing is gained by clipping it. */
static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks;
    int8_t quants[BLOCK];
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_finite_half(fabsf(number_largest(values + i, BLOCK)) / 127);
        number_quantise(values + i, BLOCK, scale, -127, 127, quants);
        number_put_half(block, scale);
        memcpy(block + 2, quants, BLOCK);
    }
}

const number_format number_q8_0 = { "q8_0", NULL, 8, BLOCK, BLOCK_BYTES, unpack, pack, 0.006, 7 };
