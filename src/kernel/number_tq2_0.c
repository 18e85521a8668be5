/* number_tq2_0.c - TQ2_0: blocks of 256 values of -1, 0 and 1 in two bits each. Read only.
 *
 *     value = scale * (q - 1)
 *
 *     bytes 0-63     q: of element 128 h + 32 s + j, bits 2s and 2s + 1 of byte 32 h + j
 *     bytes 64-65    scale: float16 */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 66 };

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block + 64);
    for (int i = 0; i < BLOCK; i++) {
        const int q = block[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
        values[i] = scale * (float)(q - 1);
    }
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_tq2_0 = { "tq2_0", NULL, 35, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 37 };
