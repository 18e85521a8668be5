/* number_mxfp4.c - MXFP4: blocks of 32 four-bit values (E2M1) under one power of two (E8M0). Read only.
 *
 * A GGUF block is the exponent's byte and 16 bytes, byte j holding element j below and element j + 16 above. The tensors of a
 * folder hold the same numbers as 16 bytes a block, byte j holding elements 2j below and 2j + 1 above, with the exponents in a
 * tensor of their own: number_mxfp4_from_pairs makes the one of the other. */
#include "kernel/number.h"
#include "kernel/number_half.h"
#include "kernel/number_levels.h"

enum { BLOCK = 32, BLOCK_BYTES = 17, HALF = BLOCK / 2 };

/* Half of 2^(exponent - 127), for levels that are doubled: every exponent's is finite. */
static inline float half_scale(uint8_t exponent)
{
    return number_float_of_bits(exponent < 2 ? 0x00200000u << exponent : (exponent - 1u) << 23);
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = half_scale(block[0]);
        for (int j = 0; j < HALF; j++) {
            values[i + j] = scale * (float)number_e2m1_levels[block[1 + j] & 15];
            values[i + j + HALF] = scale * (float)number_e2m1_levels[block[1 + j] >> 4];
        }
    }
}

void number_mxfp4_from_pairs(const uint8_t *pairs, const uint8_t *exponents, uint8_t *blocks, int64_t count)
{
    for (int64_t i = 0; i < count; i++, pairs += HALF, blocks += BLOCK_BYTES) {
        blocks[0] = exponents[i];
        for (int j = 0; j < HALF; j++) {
            uint8_t below = pairs[j / 2], above = pairs[j / 2 + HALF / 2]; /* the bytes that hold elements j and j + 16 */
            int shift = j % 2 * 4;
            blocks[1 + j] = (uint8_t)((below >> shift & 15) | (above >> shift & 15) << 4);
        }
    }
}

const number_format number_mxfp4 = { "mxfp4", NULL, 39, BLOCK, BLOCK_BYTES, unpack, NULL, 0 };
