/* number_iq4_xs.c - IQ4_XS: blocks of 256 four-bit codes of uneven steps in 8 parts of 32, value =
 * scale * (part's scale - 32) * the code's level. Read only.
 *
 * A block is the scale in half precision; the upper two bits of the parts' scales, bits 2p and 2p +
 * 1 of two bytes those of part p; their lower four bits in four bytes, part 2g below and part 2g +
 * 1 above; and 128 bytes, byte 16 p + j holding element 32 p + j below and element 32 p + 16 + j
 * above. */
#include "kernel/number.h"
#include "kernel/number_half.h"
#include "kernel/number_levels.h"

enum { BLOCK = 256, BLOCK_BYTES = 136, PART = 32, HALF = PART / 2 };

static int part_scale(const uint8_t *block, int p)
{
    return ((block[4 + p / 2] >> p % 2 * 4 & 15) | (block[2 + p / 4] >> p % 4 * 2 & 3) << 4) - 32;
}

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block);
    const uint8_t *codes = block + 8;
    for (int p = 0; p < BLOCK / PART; p++, values += PART, codes += HALF) {
        const float own = scale * (float)part_scale(block, p);
        for (int j = 0; j < HALF; j++) {
            values[j] = own * (float)number_iq4_levels[codes[j] & 15];
            values[j + HALF] = own * (float)number_iq4_levels[codes[j] >> 4];
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
