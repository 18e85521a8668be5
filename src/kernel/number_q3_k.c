/* number_q3_k.c - Q3_K: blocks of 256 three-bit values in 16 parts of 16, value = scale * (part's
 * scale - 32) * (code - 4). Read only.
 *
 * A block is 32 bytes of the codes' highest bits, bit i of byte j that of element 32 i + j; 64
 * bytes of the rest, bits 2s and 2s + 1 of byte 32 h + j those of element 128 h + 32 s + j; the
 * parts' scales of six bits in 12 bytes, four bits of part p in byte p % 8 (below for p < 8, else
 * above), two in byte 8 + p % 4 at bit 2 (p / 4); the scale in half precision. */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 110, PART = 16 };

static int part_scale(const uint8_t *scales, int p)
{
    return ((scales[p % 8] >> p / 8 * 4 & 15) | (scales[8 + p % 4] >> p / 4 * 2 & 3) << 4) - 32;
}

static void unpack_block(const uint8_t *block, float *values)
{
    const uint8_t *high = block, *codes = block + 32, *scales = block + 96;
    const float scale = number_half_at(block + 108);
    for (int p = 0; p < BLOCK / PART; p++, values += PART) {
        const uint8_t *low_part = codes + p / 8 * 32 + p % 2 * PART,
                      *high_part = high + p % 2 * PART;
        const float own = scale * (float)part_scale(scales, p);
        const int shift = p / 2 % 4 * 2, bit = p / 2;
        for (int j = 0; j < PART; j++)
            values[j] =
                own * (float)((low_part[j] >> shift & 3) + (high_part[j] >> bit & 1) * 4 - 4);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_q3_k = { "q3_k", NULL, 11, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 11 };
