/* number_half.h - IEEE half precision to and from float, for the half format itself and for the
 * scales of block formats.
 *
 * Values are rounded to nearest, ties to even. Infinities, subnormals and NaNs (with the bits of
 * their payload that fit) are kept. There are no branches, so that compilers vectorise it. */
#ifndef CADRE_KERNEL_NUMBER_HALF_H
#define CADRE_KERNEL_NUMBER_HALF_H

#include <stdint.h>
#include <string.h>

static inline float number_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint32_t number_bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

/* The bits, shifted into the fields of a float, make a float that is 2^112 too small, subnormals
 * included; the product restores it exactly. */
static inline float number_widen_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = (uint32_t)(half & 0x7fff) << 13;
    uint32_t finite = number_bits_of_float(number_float_of_bits(magnitude) * 0x1p112f),
             special = magnitude | 0x7f800000;
    return number_float_of_bits(sign | (magnitude >= 0x7c00u << 13 ? special : finite));
}

static inline uint16_t number_narrow_half(float value)
{
    uint32_t bits = number_bits_of_float(value), sign = (bits >> 16) & 0x8000,
             magnitude = bits & 0x7fffffff;
    /* normal: 13 bits are dropped after just under half of the last kept bit is added, and that bit
     * itself, which rounds ties to even; the bias of the exponent changes by 112 */
    uint32_t normal = (magnitude + 0xfff + ((magnitude >> 13) & 1) - (112u << 23)) >> 13;
    /* subnormal: the last bit of 0.5 is worth as much as that of a subnormal half, so that the
     * addition rounds */
    uint32_t subnormal =
        number_bits_of_float(number_float_of_bits(magnitude) + 0.5f) - number_bits_of_float(0.5f);
    uint32_t nan = 0x7e00 | ((magnitude >> 13) & 0x3ff);
    uint32_t half = magnitude < 113u << 23 ? subnormal : normal;
    half = magnitude >= 0x477ff000 ? 0x7c00 : half; /* 65520 and more round to infinity */
    half = magnitude > 0x7f800000 ? nan : half;
    return (uint16_t)(sign | half);
}

/* The scale of a block, which lies at any address. */
static inline float number_half_at(const uint8_t *bytes)
{
    uint16_t half;
    memcpy(&half, bytes, 2);
    return number_widen_half(half);
}

/* The nearest half that is finite, for the scale of a block: infinity would make NaNs of its
 * zeros. */
static inline float number_finite_half(float value)
{
    value = value < 65504.0f ? value : 65504.0f;
    return number_widen_half(number_narrow_half(value > -65504.0f ? value : -65504.0f));
}

static inline void number_put_half(uint8_t *bytes, float value)
{
    uint16_t half = number_narrow_half(value);
    memcpy(bytes, &half, 2);
}

#endif
