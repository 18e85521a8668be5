/* number_iq1_m.c - IQ1_M: blocks of 256 values in 16 sub-blocks p of 16, of which each has two
 * points g of a grid, eight values of -1, 0 and 1 each. Read only.
 *
 *     value = scale * (1 + 2 scale[p]) * (point value + or - 1/8)
 *
 *     bytes 0-31     the lower eight bits of the index of point g
 *     bytes 32-47    byte g / 2, the lower half for an even g: the upper three bits of the index,
 *                    and whether 1/8 is taken away in the fourth
 *     bytes 48-55    four words of two bytes, little end first: scale[p] at bit 3 (p % 4) of word
 *                    p / 4; the upper four bits of all four are the float16 scale, from its lowest
 *                    bits on */
#include "kernel/number.h"
#include "kernel/number_grid.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 56, POINT = 8 };

static void unpack_block(const uint8_t *block, float *values)
{
    int word[4], bits = 0;
    for (int i = 0; i < 4; i++) {
        word[i] = block[48 + 2 * i] | block[49 + 2 * i] << 8;
        bits |= word[i] >> 12 << 4 * i;
    }
    const float scale = number_widen_half((uint16_t)bits);
    for (int g = 0; g < BLOCK / POINT; g++, values += POINT) {
        const int p = g / 2, high = block[32 + g / 2] >> g % 2 * 4 & 15;
        const float own = scale * (float)(1 + 2 * (word[p / 4] >> p % 4 * 3 & 7));
        number_grid_put_ternary(block[g] | (high & 7) << 8, high & 8, own, values);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_iq1_m = { "iq1_m", NULL, 29, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 31 };
