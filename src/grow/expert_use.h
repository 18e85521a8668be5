/* expert_use.h - how much each expert of a model is used, on texts that the model reads or in
 * recorded routes. This decides which experts stay. */
#ifndef CADRE_GROW_EXPERT_USE_H
#define CADRE_GROW_EXPERT_USE_H

#include "cadre/model.h"
#include "grow/reading.h"

/* By what an expert is valued */
typedef enum expert_value {
    VALUE_USE,     /* the tokens that it served */
    VALUE_WEIGHT,  /* the sum of its weights */
    VALUE_SALIENCY /* the mean of weight * |output| over its tokens (REAP, arXiv 2510.13999) */
} expert_value;

/* Sums for each layer and expert [L, E] */
typedef struct expert_use {
    const model_config *config;   /* borrowed */
    const model_weights *weights; /* borrowed; NULL: outputs are not measured */
    int64_t experts;              /* E, the most of any layer */
    double *served;               /* tokens */
    double *weight, *output;      /* sums of weights, and of weight * |output| */
} expert_use;

cadre_status expert_use_open(const model_config *config, expert_use *u);
void expert_use_close(expert_use *u);

/* A transformer_watch that counts one layer's plan. `use` is an expert_use whose weights are
 * set. */
void expert_use_count(void *use, int64_t layer, const plan *p);

/* Lets the model read the passage, and counts. */
cadre_status expert_use_measure(cadre_model *model, const passage *p, expert_use *u);

/* Reads routes that 'cadre generate' recorded of a model with these layers. They hold no
 * outputs. */
cadre_status expert_use_read(const char *path, expert_use *u);

double expert_use_value(const expert_use *u, expert_value by, int64_t layer, int64_t expert);

#endif
