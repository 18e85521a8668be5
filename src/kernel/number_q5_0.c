/* number_q5_0.c - Q5_0: blocks of 32 five-bit values q.
 *
 *     value = scale * (q - 16)
 *
 *     bytes 0-1     scale: float16
 *     bytes 2-5     the highest bits of q: bit j of the 32 is that of element j
 *     bytes 6-21    the others: byte j holds element j in its lower half and element j + 16 in its
 *                   upper */
#include "kernel/number.h"
#include "kernel/number_fit.h"

enum { BLOCK = 32, BLOCK_BYTES = 22, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block);
        const uint8_t *quants = block + 6;
        uint32_t high;
        memcpy(&high, block + 2, 4);
        for (int j = 0; j < HALF; j++) {
            int low = (quants[j] & 15) | (int)(high >> j & 1) << 4,
                up = quants[j] >> 4 | (int)(high >> (j + HALF) & 1) << 4;
            values[i + j] = scale * (float)(low - 16);
            values[i + j + HALF] = scale * (float)(up - 16);
        }
    }
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks;
    int8_t quants[BLOCK];
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_finite_half(number_fit_scale(values + i, BLOCK, -16, 15));
        number_quantise(values + i, BLOCK, scale, -16, 15, quants);
        uint32_t high = 0;
        for (int j = 0; j < BLOCK; j++) high |= (uint32_t)((quants[j] + 16) >> 4) << j;
        number_put_half(block, scale);
        memcpy(block + 2, &high, 4);
        for (int j = 0; j < HALF; j++)
            block[6 + j] = (uint8_t)(((quants[j] + 16) & 15) | ((quants[j + HALF] + 16) & 15) << 4);
    }
}

const number_format number_q5_0 = { "q5_0", NULL, 6, BLOCK, BLOCK_BYTES, unpack, pack, 0.055, 8 };
