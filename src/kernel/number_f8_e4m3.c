/* number_f8_e4m3.c - E4M3FN: a sign, four bits of exponent (bias 7), three of mantissa; no
 * infinity, NaN where all are set. Read only: in files it comes with a scale for each block of 128
 * x 128, which is the weight's matter. */
#include "kernel/number.h"
#include "kernel/number_half.h"

/* In a float's fields the code is 2^120 too small, subnormals included: the product restores it
 * exactly. Free of branches, so that compilers vectorise it. */
static inline float widen(uint32_t code)
{
    const uint32_t sign = (code & 0x80) << 24, magnitude = code & 0x7f,
                   nan = (0u - (magnitude + 1) / 128) & 0x7fc00000;
    return number_float_of_bits(
        number_bits_of_float(number_float_of_bits(magnitude << 20) * 0x1p120f) | sign | nan);
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *codes = blocks;
    for (int64_t i = 0; i < count; i++) values[i] = widen(codes[i]);
}

const number_format number_f8_e4m3 = { "f8_e4m3", "F8_E4M3", -1, 1, 1, unpack, NULL, 0, -1 };
