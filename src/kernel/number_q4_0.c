/* number_q4_0.c - Q4_0: blocks of 32 four-bit values under one half-precision scale, value = scale
 * * (code - 8).
 *
 * A block is the scale and 16 bytes, byte j holding element j below and element j + 16 above. */
#include "kernel/number.h"
#include "kernel/number_fit.h"

enum { BLOCK = 32, BLOCK_BYTES = 18, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block);
        const uint8_t *codes = block + 2;
        for (int j = 0; j < HALF; j++) {
            values[i + j] = scale * (float)((codes[j] & 15) - 8);
            values[i + j + HALF] = scale * (float)((codes[j] >> 4) - 8);
        }
    }
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks;
    int8_t codes[BLOCK];
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_finite_half(number_fit_scale(values + i, BLOCK, -8, 7));
        number_codes(values + i, BLOCK, scale, -8, 7, codes);
        number_put_half(block, scale);
        for (int j = 0; j < HALF; j++)
            block[2 + j] = (uint8_t)((codes[j] + 8) | (codes[j + HALF] + 8) << 4);
    }
}

const number_format number_q4_0 = { "q4_0", NULL, 2, BLOCK, BLOCK_BYTES, unpack, pack, 0.11, 2 };
