/* number_fit.h - scales of blocks by least squares: what packing into the quantised formats
 * searches for.
 *
 * With the codes q fixed, the scale (and offset) of least squared error has a closed form, and its
 * error follows from the same sums. So a search tries ways to round the values to codes, each one
 * step width apart from the last, and keeps the sums' best; rounding anew with the scale found and
 * solving again can only lower the error. Every weight counts the same: that is what the expected
 * error of a product with activations of equal size asks for.
 *
 * Values are finite. Counts are multiples of 8: sums run in eight lanes and a fixed tree, the same
 * on every machine. */
#ifndef CADRE_KERNEL_NUMBER_FIT_H
#define CADRE_KERNEL_NUMBER_FIT_H

#include <stdint.h>

#include "kernel/number_half.h"

enum { FIT_BLOCK = 256, FIT_PARTS = 8 }; /* of number_fit_parts */

/* The nearest whole number in low..high, ties to even; low where the value is not a number. */
static inline float number_nearest(float value, float low, float high)
{
    value = value > low ? value : low;
    value = value < high ? value : high;
    return (value + 0x1.8p23f) - 0x1.8p23f;
}

float number_largest(const float *values, int count); /* the value of the largest magnitude */

/* Codes of values / scale in low..high. */
void number_codes(const float *values, int count, float scale, int low, int high, int8_t *codes);

/* value = scale * code, code in low..high, low < 0: the scale, of either sign; 0 where all values
 * are (nearly) 0. */
float number_fit_scale(const float *values, int count, int low, int high);

/* The squared error that codes in low..high leave under this scale. */
float number_scale_error(const float *values, int count, float scale, int low, int high);

/* 256 values in 8 parts of 32, value = scale * scales[p] * code - minimum * minima[p], codes in
 * 0..high, scales and minima in 0..63; scale and minimum are halves. */
typedef struct number_parts {
    float scale, minimum;
    uint8_t scales[FIT_PARTS], minima[FIT_PARTS];
    uint8_t codes[FIT_BLOCK];
} number_parts;

void number_fit_parts(const float *values, int high, number_parts *parts);

#endif
