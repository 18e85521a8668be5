/* number_iq2_xs.c - IQ2_XS: blocks of 256 values in 16 sub-blocks p of 16, of which each has two
 * points of a grid, eight magnitudes each. Read only.
 *
 *     value = scale * (scale[p] + 1/2) / 4 * sign * magnitude
 *
 *     bytes 0-1      scale: float16
 *     bytes 2-65     two bytes a point, little end first: its index in the lower nine bits, seven
 *                    of its eight signs in the upper
 *     bytes 66-73    scale[p]: byte p / 2 holds an even p in its lower half, an odd one in its
 *                    upper */
#include "kernel/number.h"
#include "kernel/number_grid.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 74, POINT = 8 };

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block);
    const uint8_t *scales = block + 66;
    for (int g = 0; g < BLOCK / POINT; g++, values += POINT) {
        const int p = g / 2, point = block[2 + 2 * g] | block[3 + 2 * g] << 8;
        const float own = number_grid_scale(scale, scales[p / 2] >> p % 2 * 4 & 15);
        number_grid_put(number_grid_iq2_xs[point & 511], 2, POINT, number_grid_iq2_levels,
            number_even_signs((uint32_t)point >> 9), own, values);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_iq2_xs = { "iq2_xs", NULL, 17, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 20 };
