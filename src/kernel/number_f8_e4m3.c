/* number_f8_e4m3.c - E4M3FN: a sign, four bits of exponent (bias 7), three of mantissa; no infinity, NaN where all are set. Read
 * only: in files it comes with a scale for each block of 128 x 128, which is the weight's matter. */
#include <string.h>

#include "kernel/number.h"

/* In a float's fields the code is 2^120 too small, subnormals included: the product restores it exactly. */
static inline float widen(uint8_t code)
{
    uint32_t sign = (uint32_t)(code & 0x80) << 24, magnitude = (uint32_t)(code & 0x7f) << 20, bits;
    float value;
    memcpy(&value, &magnitude, 4);
    value *= 0x1p120f;
    memcpy(&bits, &value, 4);
    bits = sign | (magnitude == 0x7fu << 20 ? 0x7fc00000 : bits);
    memcpy(&value, &bits, 4);
    return value;
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *codes = blocks;
    for (int64_t i = 0; i < count; i++) values[i] = widen(codes[i]);
}

const number_format number_f8_e4m3 = { "f8_e4m3", "F8_E4M3", -1, 1, 1, unpack, NULL, 0, -1 };
