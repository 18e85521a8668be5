/* number_nvfp4.c - NVFP4 as GGUF has it: blocks of 64 values in E2M1, in 4 sub-blocks p of 16. Read
 * only.
 *
 *     value = scale[p] * level[q]
 *
 *     bytes 0-3      scale[p]: a float without sign of four bits of exponent (bias 7) and three of
 *                    mantissa; 0 where all seven bits are ones
 *     bytes 4-35     q: byte 4 + 8 p + j holds element 16 p + j in its lower half and element
 *                    16 p + 8 + j in its upper */
#include <math.h>

#include "kernel/number.h"
#include "kernel/number_levels.h"

enum { BLOCK = 64, BLOCK_BYTES = 36, SUB_BLOCK = 16, HALF = SUB_BLOCK / 2 };

/* Half of the scale, for levels that are doubled */
static float half_scale(uint8_t bits)
{
    const int exponent = bits >> 3 & 15, mantissa = bits & 7;
    if (bits == 0x7f) return 0;
    if (exponent == 0) return ldexpf((float)mantissa, -10);
    return ldexpf((float)(8 + mantissa), exponent - 11);
}

static void unpack_block(const uint8_t *block, float *values)
{
    const uint8_t *quants = block + 4;
    for (int p = 0; p < BLOCK / SUB_BLOCK; p++, values += SUB_BLOCK, quants += HALF) {
        const float scale = half_scale(block[p]);
        for (int j = 0; j < HALF; j++) {
            values[j] = scale * (float)number_e2m1_levels[quants[j] & 15];
            values[j + HALF] = scale * (float)number_e2m1_levels[quants[j] >> 4];
        }
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_nvfp4 = { "nvfp4", NULL, 40, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 39 };
