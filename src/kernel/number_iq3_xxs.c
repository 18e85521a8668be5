/* number_iq3_xxs.c - IQ3_XXS: blocks of 256 values in 8 sub-blocks p of 32, of which each has eight
 * points g of a grid, four magnitudes each. Read only.
 *
 *     value = scale * (scale[p] + 1/2) / 2 * sign * magnitude
 *
 *     bytes 0-1      scale: float16
 *     bytes 2-65     the index of each point
 *     bytes 66-97    four bytes a sub-block, little end first: the signs of two neighbouring points
 *                    at bit 7 (g / 2), seven of eight, and scale[p] in the upper four bits */
#include "kernel/number.h"
#include "kernel/number_grid.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 98, SUB_BLOCK = 32, POINT = 4 };

static const uint8_t levels[8] = { 4, 12, 20, 28, 36, 44, 52, 62 };

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block);
    const uint8_t *index = block + 2;
    for (int p = 0; p < BLOCK / SUB_BLOCK; p++, index += SUB_BLOCK / POINT) {
        const uint32_t words = number_word_at(block + 66 + 4 * p);
        const float own = number_grid_scale(2 * scale, (int)(words >> 28));
        for (int g = 0; g < SUB_BLOCK / POINT; g++, values += POINT) {
            const int signs = number_even_signs(words >> 7 * (g / 2)) >> g % 2 * POINT;
            number_grid_put(
                number_grid_iq3_xxs[index[g]], 3, POINT, levels, (uint8_t)signs, own, values);
        }
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_iq3_xxs = { "iq3_xxs", NULL, 18, BLOCK, BLOCK_BYTES, unpack, NULL, 0,
    23 };
