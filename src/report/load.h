/* load.h - the load of experts against their fair share, drawn the same for a training run and for
 * a recording. */
#ifndef CADRE_REPORT_LOAD_H
#define CADRE_REPORT_LOAD_H

#include <stdbool.h>

#include "base/buffer.h"
#include "report/shape.h"

typedef struct load_balance {
    double fair;        /* mean load */
    double least, most; /* as multiples of it */
    int idle;           /* experts that have none */
} load_balance;

load_balance load_balance_of(const double *load, int experts);

/* One layer's bars, the busiest first, and what is least and most; a bar of `top` fair shares fills
 * its box. */
void load_draw_sorted(
    byte_buffer *page, const shape_layer *layer, const double *load, double top, const char *run);

/* Loads in fair shares, a row a layer; id for the page's script, NULL: none; name: of the run,
 * NULL: not said. */
void load_table(byte_buffer *page, const model_shape *shape, const double *loads, const char *id,
    const char *name);

#endif
