/* number_scales.h - the eight scales and minima of six bits that Q4_K and Q5_K pack into 12 bytes.
 *
 * Bytes 0 to 3 hold scales 0 to 3, bytes 4 to 7 minima 0 to 3, in their lower six bits. Of pairs 4
 * to 7 the lower four bits are in bytes 8 to 11, scale below and minimum above, and the upper two
 * at the top of bytes 0 to 3 and 4 to 7. */
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
