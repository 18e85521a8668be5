/* number_tq1_0.c - TQ1_0: blocks of 256 values of -1, 0 and 1, five to a byte: as digits of base 3
 * of a number below 243, which is stored as a share of 256, so that the digit in front is the whole
 * part of three times the share. Read only.
 *
 *     value = scale * (digit - 1)
 *
 *     bytes 0-31     byte j holds, from its first digit on, the elements j, 32 + j, ... 128 + j
 *     bytes 32-47    byte 32 + j holds the elements 160 + j, 176 + j, ... 224 + j
 *     bytes 48-51    byte 48 + j holds the elements 240 + j, 244 + j, 248 + j, 252 + j
 *     bytes 52-53    scale: float16 */
#include "kernel/number.h"
#include "kernel/number_half.h"

enum { BLOCK = 256, BLOCK_BYTES = 54 };

/* `digits` values of each of so many bytes: first all first ones, then all second ones... */
static float *unpack_bytes(const uint8_t *bytes, int count, int digits, float scale, float *values)
{
    for (int d = 0, power = 1; d < digits; d++, power *= 3, values += count)
        for (int j = 0; j < count; j++) {
            const int share = bytes[j] * power & 255;
            values[j] = scale * (float)((share * 3 >> 8) - 1);
        }
    return values;
}

static void unpack_block(const uint8_t *block, float *values)
{
    const float scale = number_half_at(block + 52);
    values = unpack_bytes(block, 32, 5, scale, values);
    values = unpack_bytes(block + 32, 16, 5, scale, values);
    unpack_bytes(block + 48, 4, 4, scale, values);
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES)
        unpack_block(block, values + i);
}

const number_format number_tq1_0 = { "tq1_0", NULL, 34, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 36 };
