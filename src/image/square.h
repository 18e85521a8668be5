/* square.h - scales an image into a square of a given side, in the middle of white. */
#ifndef CADRE_IMAGE_SQUARE_H
#define CADRE_IMAGE_SQUARE_H

#include "format/image_file.h"

/* rgb [side, side, 3]: each pixel is the mean of the area that it covers, so that scaling down adds
 * no patterns. Nothing is cut off: the longer side fills the square. */
void image_square(const image *p, int32_t side, uint8_t *rgb);

/* Reads patch `index` of a square as values from 0 to 1: [patch, patch, 3]; and writes them back,
 * rounded. */
void square_get_patch(
    const uint8_t *rgb, int32_t side, int32_t patch, int32_t index, float *elements);
void square_put_patch(
    uint8_t *rgb, int32_t side, int32_t patch, int32_t index, const float *elements);

#endif
