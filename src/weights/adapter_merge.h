/* adapter_merge.h - adds an adapter's pairs to the matrices that they adapt: W + (alpha / R) B
 * A. */
#ifndef CADRE_WEIGHTS_ADAPTER_MERGE_H
#define CADRE_WEIGHTS_ADAPTER_MERGE_H

#include "weights/adapter.h"

typedef struct adapter_merge {
    adapter adapter;
    real *values;    /* [adapter's elements] */
    low_rank *pairs; /* [adapter's count] */
} adapter_merge;

/* Reads the adapter of a folder. *m must be closed in any case. */
cadre_status adapter_merge_open(const char *folder, const model_config *config, adapter_merge *m);
void adapter_merge_close(adapter_merge *m);

/* The pair beside a parameter of the model; first: the pair's output that is the parameter's first
 * row. NULL: there is none. */
const low_rank *adapter_merge_find(const adapter_merge *m, const param *p, int64_t *first);

/* Adds row `row` of (alpha / R) B A to a row [in] of the matrix. */
void adapter_merge_row(const low_rank *pair, int64_t row, float *values);

#endif
