/* model_adapter.h - an adapter beside an opened model: its pairs are added where the model runs. */
#ifndef CADRE_MODEL_MODEL_ADAPTER_H
#define CADRE_MODEL_MODEL_ADAPTER_H

#include "kernel/compute.h"
#include "op/batch.h"
#include "weights/adapter.h"

/* All zero: there is none */
typedef struct model_adapter {
    adapter adapter;
    real *values;
    low_rank *pairs;
} model_adapter;

/* Reads a folder, and puts its pairs beside the weights. */
cadre_status model_adapter_open(
    const char *folder, const model_config *config, model_weights *w, model_adapter *m);
void model_adapter_close(model_adapter *m);

/* Makes room for passes of so many tokens. */
cadre_status model_adapter_reserve(
    const model_adapter *m, const model_config *config, const batch_limits *most, compute *c);

#endif
