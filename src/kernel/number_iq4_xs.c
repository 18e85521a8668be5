/* number_iq4_xs.c - IQ4_XS: blocks of 256 four-bit indices q into a table of 16 uneven levels, in 8
 * sub-blocks p of 32. Read only.
 *
 *     value = scale * (scale[p] - 32) * level[q]
 *
 *     bytes 0-1      scale: float16
 *     bytes 2-3      the upper two of the six bits of scale[p]: bits 2p and 2p + 1
 *     bytes 4-7      the lower four: byte g holds p = 2g in its lower half and 2g + 1 in its upper
 *     bytes 8-135    q: byte 16 p + j holds element 32 p + j in its lower half and element
 *                    32 p + 16 + j in its upper */
#include "kernel/number.h"
#include "kernel/number_half.h"
#include "kernel/number_levels.h"

enum { BLOCK = 256, BLOCK_BYTES = 136, SUB_BLOCK = 32, HALF = SUB_BLOCK / 2 };

static int sub_block_scale(const uint8_t *block, int p)
{
    return ((block[4 + p / 2] >> p % 2 * 4 & 15) | (block[2 + p / 4] >> p % 4 * 2 & 3) << 4) - 32;
}

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block);
    const uint8_t *quants = block + 8;
    for (int p = 0; p < BLOCK / SUB_BLOCK; p++, values += SUB_BLOCK, quants += HALF) {
        const float own = scale * (float)sub_block_scale(block, p);
        for (int j = 0; j < HALF; j++) {
            values[j] = own * (float)number_iq4_levels[quants[j] & 15];
            values[j + HALF] = own * (float)number_iq4_levels[quants[j] >> 4];
        }
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_iq4_xs = { "iq4_xs", NULL, 23, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 30 };
