/* number_q3_k.c - Q3_K: blocks of 256 three-bit values q in 16 sub-blocks p of 16. Read only.
 *
 *     value = scale * (scale[p] - 32) * (q - 4)
 *
 *     bytes 0-31      the highest bit of q: of element 32 i + j, bit i of byte j
 *     bytes 32-95     its other two: of element 128 h + 32 s + j, bits 2s, 2s + 1 of byte 32 h + j
 *     bytes 96-107    scale[p], six bits: the lower four in byte p % 8 (its lower half for p < 8,
 *                     else its upper half), the upper two in byte 8 + p % 4, from bit 2 (p / 4) on
 *     bytes 108-109   scale: float16 */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 110, SUB_BLOCK = 16 };

static int sub_block_scale(const uint8_t *scales, int p)
{
    return ((scales[p % 8] >> p / 8 * 4 & 15) | (scales[8 + p % 4] >> p / 4 * 2 & 3) << 4) - 32;
}

static void unpack_block(const uint8_t *block, float *values)
{
    const uint8_t *high = block, *quants = block + 32, *scales = block + 96;
    const float scale = number_half_at(block + 108);
    for (int p = 0; p < BLOCK / SUB_BLOCK; p++, values += SUB_BLOCK) {
        const uint8_t *low_bits = quants + p / 8 * 32 + p % 2 * SUB_BLOCK,
                      *high_bits = high + p % 2 * SUB_BLOCK;
        const float own = scale * (float)sub_block_scale(scales, p);
        const int shift = p / 2 % 4 * 2, bit = p / 2;
        for (int j = 0; j < SUB_BLOCK; j++)
            values[j] =
                own * (float)((low_bits[j] >> shift & 3) + (high_bits[j] >> bit & 1) * 4 - 4);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_q3_k = { "q3_k", NULL, 11, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 11 };
