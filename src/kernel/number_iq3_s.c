/* number_iq3_s.c - IQ3_S: blocks of 256 values in 8 sub-blocks p of 32, of which each has eight
 * points of a grid, four magnitudes each; points g are counted through the block. Read only.
 *
 *     value = scale * (1 + 2 scale[p]) * sign * magnitude
 *
 *     bytes 0-1      scale: float16
 *     bytes 2-65     the lower eight bits of the index of point g
 *     bytes 66-73    the ninth: bit g % 8 of byte g / 8
 *     bytes 74-105   the signs: of element i, bit i % 8 of byte i / 8
 *     bytes 106-109  scale[p]: byte p / 2 holds an even p in its lower half, an odd one in its
 *                    upper */
#include "kernel/number.h"
#include "kernel/number_grid.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 110, POINT = 4 };

static const uint8_t levels[8] = { 1, 3, 5, 7, 9, 11, 13, 15 };

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block);
    const uint8_t *low = block + 2, *high = block + 66, *signs = block + 74, *scales = block + 106;
    for (int g = 0; g < BLOCK / POINT; g++, values += POINT) {
        const int p = g / 8, index = low[g] | (high[g / 8] >> g % 8 & 1) << 8;
        const float own = scale * (float)(1 + 2 * (scales[p / 2] >> p % 2 * 4 & 15));
        number_grid_put(number_grid_iq3_s[index], 3, POINT, levels,
            (uint8_t)(signs[g / 2] >> g % 2 * POINT), own, values);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_iq3_s = { "iq3_s", NULL, 21, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 26 };
