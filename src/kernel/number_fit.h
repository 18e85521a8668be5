/* number_fit.h - scales of blocks by least squares: what packing into the quantised formats
 * searches for.
 *
 * For given quantised values q, the scale (and the minimum) of least squared error has a closed
 * form:
 *
 *     x ~ scale * q:    scale = sum(x q) / sum(q q),   error = sum(x x) - scale * sum(x q)
 *
 * and the error follows from the same sums. So a search tries several ways to round the values,
 * each with another step width, and keeps the one whose scale explains most of sum(x x). Quantising
 * anew with the scale that was found, and solving again, can only lower the error. Every weight
 * counts the same, which is right for the expected error of a product with activations of equal
 * size.
 *
 * Values are finite. Counts are multiples of 8: sums run in eight lanes and a fixed tree, the same
 * on every machine. */
#ifndef CADRE_KERNEL_NUMBER_FIT_H
#define CADRE_KERNEL_NUMBER_FIT_H

#include <stdint.h>

#include "kernel/number_half.h"

enum { FIT_BLOCK = 256, FIT_SUB_BLOCKS = 8 }; /* of number_fit_sub_blocks */

/* The nearest integer in low..high, ties to even; low for NaN. */
static inline float number_nearest(float value, float low, float high)
{
    value = value > low ? value : low;
    value = value < high ? value : high;
    return (value + 0x1.8p23f) - 0x1.8p23f;
}

float number_largest(const float *values, int count); /* the value of the largest magnitude */

/* Quantises values / scale to integers in low..high. */
void number_quantise(
    const float *values, int count, float scale, int low, int high, int8_t *quants);

/* The best scale, of either sign, for value = scale * q with q in low..high, low < 0. It is 0 where
 * all values are (nearly) 0. */
float number_fit_scale(const float *values, int count, int low, int high);

/* The squared error that q in low..high leaves under this scale. */
float number_scale_error(const float *values, int count, float scale, int low, int high);

/* 32 values = scale * q + minimum, with q in 0..high; scale and minimum fit float16, and the
 * minimum is at most 0. */
void number_fit_line(const float *values, int high, float *scale, float *minimum, uint8_t *quants);

/* 256 values in 8 sub-blocks p of 32: value = scale * scales[p] * q - minimum * minima[p], with q
 * in 0..high and scales and minima in 0..63; scale and minimum fit float16. */
typedef struct number_sub_blocks {
    float scale, minimum;
    uint8_t scales[FIT_SUB_BLOCKS], minima[FIT_SUB_BLOCKS];
    uint8_t quants[FIT_BLOCK];
} number_sub_blocks;

void number_fit_sub_blocks(const float *values, int high, number_sub_blocks *fit);

#endif
