/* number_q5_0.c - Q5_0: blocks of 32 five-bit values under one half-precision scale, value = scale
 * * (code - 16). Read only.
 *
 * A block is the scale, 32 bits that are the codes' highest, and 16 bytes, byte j holding the rest
 * of element j below and of element j + 16 above. */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 32, BLOCK_BYTES = 22, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block);
        const uint8_t *codes = block + 6;
        uint32_t high;
        memcpy(&high, block + 2, 4);
        for (int j = 0; j < HALF; j++) {
            int low = (codes[j] & 15) | (int)(high >> j & 1) << 4,
                up = codes[j] >> 4 | (int)(high >> (j + HALF) & 1) << 4;
            values[i + j] = scale * (float)(low - 16);
            values[i + j + HALF] = scale * (float)(up - 16);
        }
    }
}

const number_format number_q5_0 = { "q5_0", NULL, 6, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 8 };
