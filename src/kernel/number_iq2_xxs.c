/* number_iq2_xxs.c - IQ2_XXS: blocks of 256 values in 8 sub-blocks p of 32, of which each has four
 * points g of a grid, eight magnitudes each. Read only.
 *
 *     value = scale * (scale[p] + 1/2) / 4 * sign * magnitude
 *
 *     bytes 0-1      scale: float16
 *     bytes 2-65     8 bytes a sub-block: bytes 0-3 are the indices of its points; bytes 4-7,
 *                    little end first, have the signs of point g at bit 7 g, seven of eight, and
 *                    scale[p] in their upper four bits */
#include "kernel/number.h"
#include "kernel/number_grid.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 66, SUB_BLOCK = 32, POINT = 8 };

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block);
    const uint8_t *index = block + 2;
    for (int p = 0; p < BLOCK / SUB_BLOCK; p++, index += 8) {
        const uint32_t signs = number_word_at(index + 4);
        const float own = number_grid_scale(scale, (int)(signs >> 28));
        for (int g = 0; g < SUB_BLOCK / POINT; g++, values += POINT)
            number_grid_put(number_grid_iq2_xxs[index[g]], 2, POINT, number_grid_iq2_levels,
                number_even_signs(signs >> 7 * g), own, values);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_iq2_xxs = { "iq2_xxs", NULL, 16, BLOCK, BLOCK_BYTES, unpack, NULL, 0,
    19 };
