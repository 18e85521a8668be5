/* number_q2_k.c - Q2_K: blocks of 256 two-bit values q in 16 sub-blocks p of 16. Read only.
 *
 *     value = scale * scale[p] * q - minimum * minimum[p]
 *
 *     bytes 0-15     scale[p] in the lower four bits of byte p, minimum[p] in the upper four
 *     bytes 16-79    q: of element 128 h + 32 s + j, bits 2s and 2s + 1 of byte 32 h + j
 *     bytes 80-83    scale, minimum: float16 */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 84, SUB_BLOCK = 16 };

static void unpack_block(const uint8_t *block, float *values)
{
    const uint8_t *scales = block, *quants = block + 16;
    const float scale = number_half_at(block + 80), minimum = number_half_at(block + 82);
    for (int p = 0; p < BLOCK / SUB_BLOCK; p++, values += SUB_BLOCK) {
        const uint8_t *bits = quants + p / 8 * 32 + p % 2 * SUB_BLOCK;
        const float own = scale * (float)(scales[p] & 15),
                    least = minimum * (float)(scales[p] >> 4);
        const int shift = p / 2 % 4 * 2;
        for (int j = 0; j < SUB_BLOCK; j++) values[j] = own * (float)(bits[j] >> shift & 3) - least;
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_q2_k = { "q2_k", NULL, 10, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 10 };
