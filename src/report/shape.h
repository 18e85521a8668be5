/* shape.h - the sparse layers of a model: how many experts each has, how many a token picks, and
 * where each layer begins in arrays that hold all layers one after another. */
#ifndef CADRE_REPORT_SHAPE_H
#define CADRE_REPORT_SHAPE_H

#include <stdint.h>

#include "format/json.h"

enum {
    SHAPE_LAYERS = 512,
    SHAPE_EXPERTS = 4096,
    SHAPE_PICKS = 512,
    SHAPE_ALL_EXPERTS = 1 << 16,
    SHAPE_ALL_PICKS = 2048,
    SHAPE_ROUTER = 32
};

typedef struct shape_layer {
    int64_t number; /* of the layer in the model */
    int experts, picks;
    int first_expert, first_pick; /* in arrays over all layers */
    char router[SHAPE_ROUTER];    /* its name; empty: the file does not say it */
} shape_layer;

typedef struct model_shape {
    int layers;
    int experts, picks; /* of all layers together */
    shape_layer *layer; /* [layers] */
} model_shape;

/* Reads [{"layer", "experts", "topk", "router"}, ...]; older files have no routers. */
cadre_status shape_read(const json_node *array, model_shape *shape);
/* Reads counts [groups, experts] of every layer into one array, one layer after another. `group`
 * is what a row counts, for errors. The caller frees the array with mem_free, on errors too. */
cadre_status shape_read_counts(const json_node *array, const model_shape *shape, int groups,
    const char *group, int64_t **counts);
void shape_free(model_shape *shape);

#endif
