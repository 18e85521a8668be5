/* number_q2_k.c - Q2_K: blocks of 256 two-bit values in 16 parts of 16, value = scale * part's
 * scale * code - minimum * part's minimum. Read only.
 *
 * A block is 16 bytes, the scale of part p in the lower and its minimum in the upper four bits; 64
 * bytes of codes; scale and minimum in half precision. Bits 2s and 2s + 1 of byte 32 h + j of the
 * codes are element 128 h + 32 s + j. */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 84, PART = 16 };

static void unpack_block(const uint8_t *block, float *values)
{
    const uint8_t *scales = block, *codes = block + 16;
    const float scale = number_half_at(block + 80), minimum = number_half_at(block + 82);
    for (int p = 0; p < BLOCK / PART; p++, values += PART) {
        const uint8_t *part = codes + p / 8 * 32 + p % 2 * PART;
        const float own = scale * (float)(scales[p] & 15),
                    least = minimum * (float)(scales[p] >> 4);
        const int shift = p / 2 % 4 * 2;
        for (int j = 0; j < PART; j++) values[j] = own * (float)(part[j] >> shift & 3) - least;
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_q2_k = { "q2_k", NULL, 10, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 10 };
