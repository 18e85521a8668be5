/* number_iq1_s.c - IQ1_S: blocks of 256 values in 8 sub-blocks p of 32, of which each has four
 * points g of a grid, eight values of -1, 0 and 1 each. Read only.
 *
 *     value = scale * (1 + 2 scale[p]) * (point value + or - 1/8)
 *
 *     bytes 0-1      scale: float16
 *     bytes 2-33     the lower eight bits of the indices
 *     bytes 34-49    two bytes a sub-block, little end first: the upper three bits of the index of
 *                    point g at bit 3 g, scale[p] in bits 12-14, and whether 1/8 is taken away in
 *                    bit 15 */
#include "kernel/number.h"
#include "kernel/number_grid.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 50, SUB_BLOCK = 32, POINT = 8 };

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block);
    const uint8_t *low = block + 2;
    for (int p = 0; p < BLOCK / SUB_BLOCK; p++, low += SUB_BLOCK / POINT) {
        const int high = block[34 + 2 * p] | block[35 + 2 * p] << 8;
        const float own = scale * (float)(1 + 2 * (high >> 12 & 7));
        for (int g = 0; g < SUB_BLOCK / POINT; g++, values += POINT) {
            const int index = low[g] | (high >> 3 * g & 7) << 8;
            number_grid_put_ternary(index, high & 0x8000, own, values);
        }
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_iq1_s = { "iq1_s", NULL, 19, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 24 };
