/* load.h - the load of experts against their fair share, drawn the same for a training run and for a recording. */
#ifndef CADRE_REPORT_LOAD_H
#define CADRE_REPORT_LOAD_H

#include "format/byte_buffer.h"
#include "report/shape.h"

typedef struct load_balance {
    double fair;        /* mean load */
    double least, most; /* as multiples of it */
    int idle;           /* experts that have none */
} load_balance;

load_balance load_balance_of(const double *load, int experts);

/* Strips of bars, one a layer, and the table behind them. */
void load_draw(byte_buffer *page, const model_shape *shape, const double *loads);

#endif
