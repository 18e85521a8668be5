/* least_squares.h - the linear map that fits weighted rows best. */
#ifndef CADRE_MIXTURE_LEAST_SQUARES_H
#define CADRE_MIXTURE_LEAST_SQUARES_H

#include <stdint.h>

#include "base/status.h"

typedef struct weighted_rows {
    int64_t rows, width, targets; /* N, D, M */
    const double *input;          /* [N, D] */
    const double *target;         /* [N, M] */
    const double *weight;         /* weight[n * stride], not negative */
    int64_t stride;
} weighted_rows;

/* The number of doubles that least_squares works in. */
int64_t least_squares_room(int64_t rows, int64_t width, int64_t targets);

/* map [M, D] = argmin of the sum of weight_n ||target_n - map input_n||^2. A column that the
 * weighted rows cannot distinguish from those before it gets 0. */
void least_squares(const weighted_rows *w, double *room, double *map);

#endif
