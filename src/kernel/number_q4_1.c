/* number_q4_1.c - Q4_1: blocks of 32 four-bit values q. Read only.
 *
 *     value = scale * q + minimum
 *
 *     bytes 0-3     scale, minimum: float16
 *     bytes 4-19    q: byte j holds element j in its lower half and element j + 16 in its upper */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 32, BLOCK_BYTES = 20, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block), minimum = number_half_at(block + 2);
        const uint8_t *quants = block + 4;
        for (int j = 0; j < HALF; j++) {
            values[i + j] = scale * (float)(quants[j] & 15) + minimum;
            values[i + j + HALF] = scale * (float)(quants[j] >> 4) + minimum;
        }
    }
}

const number_format number_q4_1 = { "q4_1", NULL, 3, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 3 };
