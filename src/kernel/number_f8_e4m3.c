/* number_f8_e4m3.c - E4M3FN: floats of eight bits, a sign, four of exponent (bias 7) and three of
 * mantissa. There is no infinity; NaN is where all bits but the sign are set. Read only: in files
 * each block of 128 x 128 has a scale, which the weight takes care of. */
#include "kernel/number.h"
#include "kernel/number_half.h"

/* The bits, shifted into the fields of a float, make a float that is 2^120 too small, subnormals
 * included; the product restores it exactly. There are no branches, so that compilers vectorise
 * it. */
static inline float widen(uint32_t bits)
{
    const uint32_t sign = (bits & 0x80) << 24, magnitude = bits & 0x7f,
                   nan = (0u - (magnitude + 1) / 128) & 0x7fc00000;
    return number_float_of_bits(
        number_bits_of_float(number_float_of_bits(magnitude << 20) * 0x1p120f) | sign | nan);
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *elements = blocks;
    for (int64_t i = 0; i < count; i++) values[i] = widen(elements[i]);
}

const number_format number_f8_e4m3 = { "f8_e4m3", "F8_E4M3", -1, 1, 1, unpack, NULL, 0, -1 };
