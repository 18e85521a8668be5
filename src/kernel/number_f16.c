/* number_f16.c - IEEE half precision: 1 sign, 5 exponent, 10 mantissa bits. Rounds to nearest, ties to even; infinities,
 * subnormals and NaNs (with the part of the payload that fits) are kept. Free of branches, so that compilers vectorise it. */
#include <string.h>

#include "kernel/number.h"

static inline float as_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint32_t as_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

/* Shifted into a float's fields the number is 2^112 too small, subnormals included: the product restores it exactly. */
static inline float widen(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = (uint32_t)(half & 0x7fff) << 13;
    uint32_t finite = as_bits(as_float(magnitude) * 0x1p112f), special = magnitude | 0x7f800000;
    return as_float(sign | (magnitude >= 0x7c00u << 13 ? special : finite));
}

static inline uint16_t narrow(float value)
{
    uint32_t bits = as_bits(value), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
    /* normal: drop 13 bits after adding just under half of the last kept one, plus the tie's bit; rebias by 112 */
    uint32_t normal = (magnitude + 0xfff + ((magnitude >> 13) & 1) - (112u << 23)) >> 13;
    /* subnormal: 0.5 has its last bit where a subnormal half has its own, so that the addition rounds */
    uint32_t subnormal = as_bits(as_float(magnitude) + 0.5f) - as_bits(0.5f);
    uint32_t nan = 0x7e00 | ((magnitude >> 13) & 0x3ff);
    uint32_t half = magnitude < 113u << 23 ? subnormal : normal;
    half = magnitude >= 0x477ff000 ? 0x7c00 : half; /* 65520 and more round to infinity */
    half = magnitude > 0x7f800000 ? nan : half;
    return (uint16_t)(sign | half);
}

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint16_t *halves = blocks;
    for (int64_t i = 0; i < count; i++) values[i] = widen(halves[i]);
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint16_t *halves = blocks;
    for (int64_t i = 0; i < count; i++) halves[i] = narrow(values[i]);
}

const number_format number_f16 = { "f16", "F16", 1, 1, 2, unpack, pack, 0x1p-11 };
