/* number_q6_k.c - Q6_K: blocks of 256 six-bit values q in 16 sub-blocks p of 16.
 *
 *     value = scale * scale[p] * (q - 32)
 *
 *     bytes 0-127      the lower four bits of q: byte 64 h + j holds element 128 h + j in its lower
 *                      half and element 128 h + 64 + j in its upper
 *     bytes 128-191    the upper two: of element 128 h + 32 s + j, bits 2s, 2s + 1 of byte 32 h + j
 *     bytes 192-207    scale[p]: signed bytes
 *     bytes 208-209    scale: float16 */
#include "kernel/number.h"
#include "kernel/number_fit.h"

enum { BLOCK = 256, BLOCK_BYTES = 210, SUB_BLOCK = 16 };

/* `restrict` lets a compiler take a vector of values at a time. */
static void unpack_block(const uint8_t *restrict block, float *restrict values)
{
    const uint8_t *low = block, *high = block + 128, *scales = block + 192;
    const float scale = number_half_at(block + 208);
    for (int p = 0; p < BLOCK / SUB_BLOCK; p++, values += SUB_BLOCK) {
        const int half = p / 8, in_half = p % 8;
        const uint8_t *low_bits = low + half * 64 + in_half % 4 * SUB_BLOCK,
                      *high_bits = high + half * 32 + in_half % 2 * SUB_BLOCK;
        const int low_shift = in_half / 4 * 4, high_shift = in_half / 2 * 2;
        const float own = scale * (float)(int8_t)scales[p];
        for (int j = 0; j < SUB_BLOCK; j++)
            values[j] = own * (float)((low_bits[j] >> low_shift & 15) +
                                      (high_bits[j] >> high_shift & 3) * 16 - 32);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

/* ---- packing ---- */

enum { SUB_BLOCKS = BLOCK / SUB_BLOCK, LOW = -32, HIGH = 31 };

typedef struct fit {
    float scale, error;
    int8_t scales[SUB_BLOCKS];
    int8_t quants[BLOCK];
} fit;

/* Moves each sub-block's scale to a neighbour where that is better, and quantises the values. */
static void settle(const float *values, fit *f)
{
    f->error = 0;
    for (int p = 0; p < SUB_BLOCKS; p++, values += SUB_BLOCK) {
        const int scale = f->scales[p];
        float least = number_scale_error(values, SUB_BLOCK, f->scale * (float)scale, LOW, HIGH);
        for (int s = scale - 1; s <= scale + 1; s += 2) {
            if (s < INT8_MIN || s > INT8_MAX) continue;
            float error = number_scale_error(values, SUB_BLOCK, f->scale * (float)s, LOW, HIGH);
            if (error < least) least = error, f->scales[p] = (int8_t)s;
        }
        number_quantise(values, SUB_BLOCK, f->scale * (float)f->scales[p], LOW, HIGH,
            f->quants + p * SUB_BLOCK);
        f->error += least;
    }
}

/* The block's scale of least error for these quantised values and sub-blocks' scales. */
static float solve_scale(const float *values, const fit *f)
{
    double product = 0, square = 0;
    for (int i = 0; i < BLOCK; i++) {
        double u = f->scales[i / SUB_BLOCK] * f->quants[i];
        product += u * (double)values[i];
        square += u * u;
    }
    return square > 0 ? number_finite_half((float)(product / square)) : 0;
}

static fit fit_block(const float *values)
{
    float own[SUB_BLOCKS];
    for (int p = 0; p < SUB_BLOCKS; p++)
        own[p] = number_fit_scale(values + p * SUB_BLOCK, SUB_BLOCK, LOW, HIGH);
    fit best = { .scale = number_finite_half(number_largest(own, SUB_BLOCKS) / INT8_MIN) };
    number_quantise(own, SUB_BLOCKS, best.scale, INT8_MIN, INT8_MAX, best.scales);
    settle(values, &best);
    fit next = best;
    next.scale = solve_scale(values, &next);
    settle(values, &next);
    return next.error < best.error ? next : best;
}

static void pack_block(const float *values, uint8_t *block)
{
    const fit f = fit_block(values);
    memset(block, 0, 192);
    for (int i = 0; i < BLOCK; i++) {
        const int quant = f.quants[i] - LOW, half = i / 128, in_half = i % 128;
        block[half * 64 + in_half % 64] |= (uint8_t)((quant & 15) << in_half / 64 * 4);
        block[128 + half * 32 + in_half % 32] |= (uint8_t)(quant >> 4 << in_half / 32 * 2);
    }
    memcpy(block + 192, f.scales, SUB_BLOCKS);
    number_put_half(block + 208, f.scale);
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) pack_block(values + i, block);
}

const number_format number_q6_k = { "q6_k", NULL, 14, BLOCK, BLOCK_BYTES, unpack, pack, 0.02, 18 };
