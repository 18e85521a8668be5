/* number_scales.h - the scales and minima of the eight sub-blocks of Q4_K and Q5_K, six bits each,
 * in 12 bytes.
 *
 *                  bits 7-6                   bits 5-0
 *     byte 0-3     scale 4-7, bits 5-4        scale 0-3
 *     byte 4-7     minimum 4-7, bits 5-4      minimum 0-3
 *                  bits 7-4                   bits 3-0
 *     byte 8-11    minimum 4-7, bits 3-0      scale 4-7, bits 3-0 */
#ifndef CADRE_KERNEL_NUMBER_SCALES_H
#define CADRE_KERNEL_NUMBER_SCALES_H

#include <stdint.h>

static inline int number_scale_at(const uint8_t *packed, int i)
{
    return i < 4 ? packed[i] & 63 : (packed[i + 4] & 15) | packed[i - 4] >> 6 << 4;
}

static inline int number_minimum_at(const uint8_t *packed, int i)
{
    return i < 4 ? packed[i + 4] & 63 : packed[i + 4] >> 4 | packed[i] >> 6 << 4;
}

static inline void number_put_scales(uint8_t *packed, const uint8_t *scales, const uint8_t *minima)
{
    for (int i = 0; i < 4; i++) {
        packed[i] = (uint8_t)(scales[i] | scales[i + 4] >> 4 << 6);
        packed[i + 4] = (uint8_t)(minima[i] | minima[i + 4] >> 4 << 6);
        packed[i + 8] = (uint8_t)((scales[i + 4] & 15) | (minima[i + 4] & 15) << 4);
    }
}

#endif
