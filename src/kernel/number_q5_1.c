/* number_q5_1.c - Q5_1: blocks of 32 five-bit values q.
 *
 *     value = scale * q + minimum
 *
 *     bytes 0-3     scale, minimum: float16
 *     bytes 4-7     the highest bits of q: bit j of the 32 is that of element j
 *     bytes 8-23    the others: byte j holds element j in its lower half and element j + 16 in its
 *                   upper */
#include "kernel/number.h"
#include "kernel/number_fit.h"

enum { BLOCK = 32, BLOCK_BYTES = 24, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block), minimum = number_half_at(block + 2);
        const uint8_t *quants = block + 8;
        uint32_t high;
        memcpy(&high, block + 4, 4);
        for (int j = 0; j < HALF; j++) {
            int low = (quants[j] & 15) | (int)(high >> j & 1) << 4,
                up = quants[j] >> 4 | (int)(high >> (j + HALF) & 1) << 4;
            values[i + j] = scale * (float)low + minimum;
            values[i + j + HALF] = scale * (float)up + minimum;
        }
    }
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks, quants[BLOCK];
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        float scale, minimum;
        number_fit_line(values + i, 31, &scale, &minimum, quants);
        uint32_t high = 0;
        for (int j = 0; j < BLOCK; j++) high |= (uint32_t)(quants[j] >> 4) << j;
        number_put_half(block, scale);
        number_put_half(block + 2, minimum);
        memcpy(block + 4, &high, 4);
        for (int j = 0; j < HALF; j++)
            block[8 + j] = (uint8_t)((quants[j] & 15) | (quants[j + HALF] & 15) << 4);
    }
}

const number_format number_q5_1 = { "q5_1", NULL, 7, BLOCK, BLOCK_BYTES, unpack, pack, 0.048, 9 };
