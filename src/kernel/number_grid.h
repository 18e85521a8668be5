/* number_grid.h - the points of the formats that quantise several neighbouring values together: an
 * index says which point of a grid they are. The grids are ggml's, so that its files can be
 * read. */
#ifndef CADRE_KERNEL_NUMBER_GRID_H
#define CADRE_KERNEL_NUMBER_GRID_H

#include <stdint.h>
#include <string.h>

/* Points of eight magnitudes, two bits each. Every grid has one element more than points, because
 * kernels read four bytes at a point. */
extern const uint16_t number_grid_iq2_xxs[257], number_grid_iq2_xs[513], number_grid_iq2_s[1025];
/* Points of four magnitudes, three bits each */
extern const uint16_t number_grid_iq3_xxs[257], number_grid_iq3_s[513];
/* Points of eight values of -1, 0 and 1, two bits each */
extern const uint16_t number_grid_iq1[2049];

static const uint8_t number_grid_iq2_levels[4] = { 8, 25, 43 };

/* The signs of eight values as bits, of which seven are stored: the number of minus signs is
 * even. */
static inline uint8_t number_even_signs(uint32_t seven)
{
    seven &= 127;
    uint32_t odd = seven ^ seven >> 4;
    odd ^= odd >> 2;
    odd ^= odd >> 1;
    return (uint8_t)(seven | (odd & 1) << 7);
}

/* Count values: a magnitude of `bits` bits each, an index into levels, and a sign each. */
static inline void number_grid_put(uint16_t point, int bits, int count, const uint8_t *levels,
    uint8_t signs, float scale, float *values)
{
    for (int j = 0; j < count; j++) {
        const float level = (float)levels[point >> bits * j & ((1 << bits) - 1)];
        values[j] = scale * (signs >> j & 1 ? -level : level);
    }
}

/* Eight values: those of a point of number_grid_iq1, all of them 1/8 more or 1/8 less. */
static inline void number_grid_put_ternary(int index, int less, float scale, float *values)
{
    for (int j = 0; j < 8; j++) {
        const int value = (number_grid_iq1[index] >> 2 * j & 3) - 1;
        values[j] = scale * ((float)value + (less ? -0.125f : 0.125f));
    }
}

/* Four bytes, little end first. */
static inline uint32_t number_word_at(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, 4);
    return word;
}

/* A scale of four bits, s: that of a block times (s + 1/2) / 4. */
static inline float number_grid_scale(float scale, int s)
{
    return scale * (0.5f + (float)s) * 0.25f;
}

#endif
