/* number_q4_0.c - Q4_0: blocks of 32 four-bit values q.
 *
 *     value = scale * (q - 8)
 *
 *     bytes 0-1     scale: float16
 *     bytes 2-17    q: byte j holds element j in its lower half and element j + 16 in its upper */
#include "kernel/number.h"
#include "kernel/number_fit.h"

enum { BLOCK = 32, BLOCK_BYTES = 18, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block);
        const uint8_t *quants = block + 2;
        for (int j = 0; j < HALF; j++) {
            values[i + j] = scale * (float)((quants[j] & 15) - 8);
            values[i + j + HALF] = scale * (float)((quants[j] >> 4) - 8);
        }
    }
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks;
    int8_t quants[BLOCK];
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_finite_half(number_fit_scale(values + i, BLOCK, -8, 7));
        number_quantise(values + i, BLOCK, scale, -8, 7, quants);
        number_put_half(block, scale);
        for (int j = 0; j < HALF; j++)
            block[2 + j] = (uint8_t)((quants[j] + 8) | (quants[j + HALF] + 8) << 4);
    }
}

const number_format number_q4_0 = { "q4_0", NULL, 2, BLOCK, BLOCK_BYTES, unpack, pack, 0.11, 2 };
