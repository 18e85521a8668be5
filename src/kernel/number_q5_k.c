/* number_q5_k.c - Q5_K: blocks of 256 five-bit values in 8 parts of 32, value = scale * part's
 * scale * code - minimum * part's minimum.
 *
 * A block is scale and minimum in half precision, the parts' of six bits (number_scales.h), 32
 * bytes of the codes' highest bits, bit p of byte j that of element 32 p + j, and 128 bytes of the
 * rest, byte 32 g + j holding element 64 g + j below and element 64 g + 32 + j above. */
#include "kernel/number.h"
#include "kernel/number_fit.h"
#include "kernel/number_scales.h"

enum { BLOCK = 256, BLOCK_BYTES = 176, PART = 32 };

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block), minimum = number_half_at(block + 2);
    const uint8_t *scales = block + 4, *high = block + 16, *codes = block + 48;
    for (int p = 0; p < BLOCK / PART; p++, values += PART) {
        const uint8_t *part = codes + p / 2 * PART;
        const float own = scale * (float)number_scale_at(scales, p),
                    least = minimum * (float)number_minimum_at(scales, p);
        const int shift = p % 2 * 4;
        for (int j = 0; j < PART; j++)
            values[j] = own * (float)((part[j] >> shift & 15) | (high[j] >> p & 1) << 4) - least;
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

static void pack_block(const float *values, uint8_t *block)
{
    number_parts parts;
    number_fit_parts(values, 31, &parts);
    number_put_half(block, parts.scale);
    number_put_half(block + 2, parts.minimum);
    number_put_scales(block + 4, parts.scales, parts.minima);
    memset(block + 16, 0, PART);
    for (int i = 0; i < BLOCK; i++)
        block[16 + i % PART] |= (uint8_t)(parts.codes[i] >> 4 << i / PART);
    for (int i = 0; i < BLOCK / 2; i++) {
        const uint8_t *pair = parts.codes + i / PART * 2 * PART + i % PART;
        block[48 + i] = (uint8_t)((pair[0] & 15) | (pair[PART] & 15) << 4);
    }
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) pack_block(values + i, block);
}

const number_format number_q5_k = { "q5_k", NULL, 13, BLOCK, BLOCK_BYTES, unpack, pack, 0.04, 16 };
