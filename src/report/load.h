/* load.h - the load of experts against their fair share, drawn in the same way for a training run
 * and for a recording. */
#ifndef CADRE_REPORT_LOAD_H
#define CADRE_REPORT_LOAD_H

#include <stdbool.h>

#include "base/buffer.h"
#include "report/shape.h"

typedef struct load_balance {
    double fair;        /* mean load */
    double least, most; /* in fair shares */
    int idle;           /* experts without any load */
} load_balance;

load_balance load_balance_of(const double *load, int experts);

/* Draws one layer's bars, the busiest first, with the least and the greatest load. A bar of `top`
 * fair shares fills its box. */
void load_draw_sorted(
    byte_buffer *page, const shape_layer *layer, const double *load, double top, const char *run);

/* A table of loads in fair shares, one row for each layer. id is for the page's script (NULL:
 * none), name is that of the run (NULL: not said). */
void load_table(byte_buffer *page, const model_shape *shape, const double *loads, const char *id,
    const char *name);

#endif
