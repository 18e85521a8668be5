/* number_levels.h - the values that the four-bit indices of the formats with uneven levels stand
 * for. */
#ifndef CADRE_KERNEL_NUMBER_LEVELS_H
#define CADRE_KERNEL_NUMBER_LEVELS_H

#include <stdint.h>

#include "kernel/number_half.h"

/* IQ4_NL and IQ4_XS: sixteen levels, closer together around zero. */
static const int8_t number_iq4_levels[16] = { -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25,
    38, 53, 69, 89, 113 };

/* E2M1, doubled to be integers: a sign, two bits of exponent, one of mantissa. Level 8 is +0, as in
 * ggml. */
static const int8_t number_e2m1_levels[16] = { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8,
    -12 };

/* Half of 2^(exponent - 127), for levels that are doubled. It is finite for every exponent. */
static inline float number_half_e8m0(uint8_t exponent)
{
    return number_float_of_bits(exponent < 2 ? 0x00200000u << exponent : (exponent - 1u) << 23);
}

#endif
