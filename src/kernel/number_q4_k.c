/* number_q4_k.c - Q4_K: blocks of 256 four-bit values q in 8 sub-blocks p of 32.
 *
 *     value = scale * scale[p] * q - minimum * minimum[p]
 *
 *     bytes 0-3       scale, minimum: float16
 *     bytes 4-15      scale[p] and minimum[p], six bits each (number_scales.h)
 *     bytes 16-143    q: byte 32 g + j holds element 64 g + j in its lower half and element
 *                     64 g + 32 + j in its upper */
#include "kernel/number.h"
#include "kernel/number_fit.h"
#include "kernel/number_scales.h"

enum { BLOCK = 256, BLOCK_BYTES = 144, SUB_BLOCK = 32 };

/* `restrict` lets a compiler take a vector of values at a time. */
static void unpack_block(const uint8_t *restrict block, float *restrict values)
{
    const float scale = number_half_at(block), minimum = number_half_at(block + 2);
    const uint8_t *scales = block + 4, *quants = block + 16;
    for (int p = 0; p < BLOCK / SUB_BLOCK; p++, values += SUB_BLOCK) {
        const uint8_t *bits = quants + p / 2 * SUB_BLOCK;
        const float own = scale * (float)number_scale_at(scales, p),
                    least = minimum * (float)number_minimum_at(scales, p);
        const int shift = p % 2 * 4;
        for (int j = 0; j < SUB_BLOCK; j++)
            values[j] = own * (float)(bits[j] >> shift & 15) - least;
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
    number_sub_blocks fit;
    number_fit_sub_blocks(values, 15, &fit);
    number_put_half(block, fit.scale);
    number_put_half(block + 2, fit.minimum);
    number_put_scales(block + 4, fit.scales, fit.minima);
    for (int i = 0; i < BLOCK / 2; i++) {
        const uint8_t *pair = fit.quants + i / SUB_BLOCK * 2 * SUB_BLOCK + i % SUB_BLOCK;
        block[16 + i] = (uint8_t)(pair[0] | pair[SUB_BLOCK] << 4);
    }
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) pack_block(values + i, block);
}

const number_format number_q4_k = { "q4_k", NULL, 12, BLOCK, BLOCK_BYTES, unpack, pack, 0.08, 14 };
