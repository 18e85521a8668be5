/* number_q6_k.c - Q6_K: blocks of 256 six-bit values in 16 parts of 16, value = scale * part's scale * (code - 32).
 *
 * A block is 128 bytes of the codes' lower four bits, byte 64 h + j holding element 128 h + j below and element 128 h + 64 + j
 * above; 64 bytes of the upper two, bits 2s and 2s + 1 of byte 32 h + j those of element 128 h + 32 s + j; the parts' scales as
 * signed bytes; the scale in half precision. */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 210, PART = 16 };

static void unpack_block(const uint8_t *block, float *values)
{
    const uint8_t *low = block, *high = block + 128, *scales = block + 192;
    const float scale = number_half_at(block + 208);
    for (int p = 0; p < BLOCK / PART; p++, values += PART) {
        const int half = p / 8, in_half = p % 8;
        const uint8_t *low_part = low + half * 64 + in_half % 4 * PART, *high_part = high + half * 32 + in_half % 2 * PART;
        const int low_shift = in_half / 4 * 4, high_shift = in_half / 2 * 2;
        const float own = scale * (float)(int8_t)scales[p];
        for (int j = 0; j < PART; j++)
            values[j] = own * (float)((low_part[j] >> low_shift & 15) + (high_part[j] >> high_shift & 3) * 16 - 32);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) unpack_block(block, values + i);
}

const number_format number_q6_k = { "q6_k", NULL, 14, BLOCK, BLOCK_BYTES, unpack, NULL, 0 };
