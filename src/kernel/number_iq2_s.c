/* number_iq2_s.c - IQ2_S: blocks of 256 values in 16 sub-blocks p of 16, of which each has two
 * points g of a grid, eight magnitudes each. Read only.
 *
 *     value = scale * (scale[p] + 1/2) / 4 * sign * magnitude
 *
 *     bytes 0-1      scale: float16
 *     bytes 2-33     the lower eight bits of the index of point g
 *     bytes 34-65    the eight signs of point g
 *     bytes 66-73    the upper two bits of the index: bits 2 (g % 4) of byte g / 4
 *     bytes 74-81    scale[p]: byte p / 2 holds an even p in its lower half, an odd one in its
 *                    upper */
#include "kernel/number.h"
#include "kernel/number_grid.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 82, POINT = 8 };

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block);
    const uint8_t *low = block + 2, *signs = block + 34, *high = block + 66, *scales = block + 74;
    for (int g = 0; g < BLOCK / POINT; g++, values += POINT) {
        const int p = g / 2, index = low[g] | (high[g / 4] >> g % 4 * 2 & 3) << 8;
        const float own = number_grid_scale(scale, scales[p / 2] >> p % 2 * 4 & 15);
        number_grid_put(
            number_grid_iq2_s[index], 2, POINT, number_grid_iq2_levels, signs[g], own, values);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_iq2_s = { "iq2_s", NULL, 22, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 28 };
