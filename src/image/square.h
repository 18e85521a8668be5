/* square.h - a picture as a square of a stated side: the whole of it, in the middle of white. */
#ifndef CADRE_IMAGE_SQUARE_H
#define CADRE_IMAGE_SQUARE_H

#include "format/picture.h"

/* rgb [side, side, 3]: each pixel is the mean of what it covers, so that a picture is made smaller
 * without patterns that it does not have. Nothing is cut off: the longer side fills the square. */
void picture_square(const picture *p, int32_t side, uint8_t *rgb);

/* Numbers of patch (row, column) of a square, each 0 to 1: [patch, patch, 3]; and back, rounded. */
void square_get_patch(
    const uint8_t *rgb, int32_t side, int32_t patch, int32_t index, float *numbers);
void square_put_patch(
    uint8_t *rgb, int32_t side, int32_t patch, int32_t index, const float *numbers);

#endif
