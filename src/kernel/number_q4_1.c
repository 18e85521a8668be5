/* number_q4_1.c - Q4_1: blocks of 32 four-bit values, value = scale * code + minimum, both in half
 * precision. Read only.
 *
 * A block is scale, minimum and 16 bytes, byte j holding element j below and element j + 16
 * above. */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 32, BLOCK_BYTES = 20, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block), minimum = number_half_at(block + 2);
        const uint8_t *codes = block + 4;
        for (int j = 0; j < HALF; j++) {
            values[i + j] = scale * (float)(codes[j] & 15) + minimum;
            values[i + j + HALF] = scale * (float)(codes[j] >> 4) + minimum;
        }
    }
}

const number_format number_q4_1 = { "q4_1", NULL, 3, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 3 };
