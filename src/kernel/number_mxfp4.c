/* number_mxfp4.c - MXFP4: blocks of 32 four-bit floats q (E2M1) under one power of two (E8M0).
 *
 *     value = 2^(exponent - 127) * q
 *
 *     byte 0        exponent
 *     bytes 1-16    q: byte j holds element j in its lower half and element j + 16 in its upper
 *
 * In a folder the same values are E2M1 (number_e2m1.c) with block scales in a tensor of their
 * own. */
#include "kernel/number.h"
#include "kernel/number_fit.h"
#include "kernel/number_levels.h"

enum { BLOCK = 32, BLOCK_BYTES = 17, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_e8m0(block[0]);
        for (int j = 0; j < HALF; j++) {
            values[i + j] = scale * (float)number_e2m1_levels[block[1 + j] & 15];
            values[i + j + HALF] = scale * (float)number_e2m1_levels[block[1 + j] >> 4];
        }
    }
}

/* The index of the nearest level; of two equally near ones, that of smaller magnitude. */
static inline uint8_t nearest_level(float doubled)
{
    const float size = doubled < 0 ? -doubled : doubled;
    uint8_t level = 0;
    for (int c = 0; c < 7; c++)
        level = (uint8_t)(level +
                          (2 * size > (float)(number_e2m1_levels[c] + number_e2m1_levels[c + 1])));
    return (uint8_t)(doubled < 0 && level ? level + 8 : level);
}

static float pack_as(const float *values, uint8_t exponent, uint8_t *block)
{
    const float scale = number_half_e8m0(exponent), inverse = 1 / scale;
    float error = 0;
    block[0] = exponent;
    memset(block + 1, 0, HALF);
    for (int j = 0; j < BLOCK; j++) {
        uint8_t level = nearest_level(values[j] * inverse);
        float off = scale * (float)number_e2m1_levels[level] - values[j];
        error += off * off;
        block[1 + j % HALF] |= (uint8_t)(level << j / HALF * 4);
    }
    return error;
}

/* Tries the exponent under which the largest value is at most 8 times the power of two, and the two
 * beside it. They begin with 1, for the power of 0 has no inverse. */
static void pack(const float *values, void *blocks, int64_t count)
{
    uint8_t *block = blocks, other[BLOCK_BYTES];
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        int exponent =
            (int)(number_bits_of_float(number_largest(values + i, BLOCK)) >> 23 & 255) - 2;
        float least = pack_as(values + i, (uint8_t)(exponent > 1 ? exponent : 1), block);
        for (int e = exponent - 1; e <= exponent + 1; e += 2) {
            if (e < 1) continue;
            float error = pack_as(values + i, (uint8_t)e, other);
            if (error < least) least = error, memcpy(block, other, BLOCK_BYTES);
        }
    }
}

const number_format number_mxfp4 = { "mxfp4", NULL, 39, BLOCK, BLOCK_BYTES, unpack, pack, 0.14,
    38 };
