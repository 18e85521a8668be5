/* number_q5_1.c - Q5_1: blocks of 32 five-bit values, value = scale * code + minimum, both in half
 * precision. Read only.
 *
 * A block is scale, minimum, 32 bits that are the codes' highest, and 16 bytes, byte j holding the
 * rest of element j below and of element j + 16 above. */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 32, BLOCK_BYTES = 24, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block), minimum = number_half_at(block + 2);
        const uint8_t *codes = block + 8;
        uint32_t high;
        memcpy(&high, block + 4, 4);
        for (int j = 0; j < HALF; j++) {
            int low = (codes[j] & 15) | (int)(high >> j & 1) << 4,
                up = codes[j] >> 4 | (int)(high >> (j + HALF) & 1) << 4;
            values[i + j] = scale * (float)low + minimum;
            values[i + j + HALF] = scale * (float)up + minimum;
        }
    }
}

const number_format number_q5_1 = { "q5_1", NULL, 7, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 9 };
