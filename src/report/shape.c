/* shape.c - reads the list of sparse layers and counts of their experts, within bounds. */
#include "report/shape.h"

#include <stdio.h>

#include "base/memory.h"

#define COUNT_MAX 100000000000 /* the sum of all cells of a file stays below 2^63 */

static cadre_status read_layer(const json_node *item, model_shape *shape, shape_layer *layer)
{
    int64_t experts, picks;
    const char *router = "";
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_opt_string(item, "router", &router));
    CADRE_TRY(json_get_int(item, "layer", 0, INT32_MAX, &layer->number));
    CADRE_TRY(json_get_int(item, "experts", 1, SHAPE_EXPERTS, &experts));
    CADRE_TRY(json_get_int(item, "topk", 1, experts < SHAPE_PICKS ? experts : SHAPE_PICKS, &picks));
    if (shape->experts + experts > SHAPE_ALL_EXPERTS)
        return json_refuse(item, "at most %d experts in all layers together", SHAPE_ALL_EXPERTS);
    if (shape->picks + picks > SHAPE_ALL_PICKS)
        return json_refuse(item, "at most %d picks in all layers together", SHAPE_ALL_PICKS);
    snprintf(layer->router, sizeof layer->router, "%s", router);
    layer->experts = (int)experts;
    layer->picks = (int)picks;
    layer->first_expert = shape->experts;
    layer->first_pick = shape->picks;
    shape->experts += layer->experts;
    shape->picks += layer->picks;
    return CADRE_OK;
}

cadre_status shape_read(const json_node *array, model_shape *shape)
{
    size_t count = json_count(array);
    if (count > SHAPE_LAYERS) return json_refuse(array, "at most %d sparse layers", SHAPE_LAYERS);
    model_shape read = { .layers = (int)count, .layer = MEM_ARRAY(shape_layer, count) };
    if (!read.layer) return CADRE_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        json_node item = json_item(array, i);
        cadre_status status = read_layer(&item, &read, &read.layer[i]);
        if (status != CADRE_OK) {
            shape_free(&read);
            return status;
        }
    }
    *shape = read;
    return CADRE_OK;
}

/* counts[groups][experts] of one layer */
static cadre_status read_layer_counts(
    const json_node *rows, int groups, const char *group, int experts, int64_t *counts)
{
    if (json_count(rows) != (size_t)groups)
        return json_refuse(rows, "%d lists, one a %s", groups, group);
    for (int g = 0; g < groups; g++) {
        json_node row = json_item(rows, (size_t)g);
        if (json_count(&row) != (size_t)experts)
            return json_refuse(&row, "%d counts, one an expert", experts);
        for (int e = 0; e < experts; e++) {
            json_node item = json_item(&row, (size_t)e);
            CADRE_TRY(json_as_int(&item, 0, COUNT_MAX, counts++));
        }
    }
    return CADRE_OK;
}

cadre_status shape_read_counts(const json_node *array, const model_shape *shape, int groups,
    const char *group, int64_t **counts)
{
    if (json_count(array) != (size_t)shape->layers)
        return json_refuse(array, "%d tables, one a sparse layer", shape->layers);
    *counts = mem_alloc((size_t)shape->experts * (size_t)groups, sizeof **counts);
    if (!*counts) return CADRE_ENOMEM;
    for (int s = 0; s < shape->layers; s++) {
        const shape_layer *layer = &shape->layer[s];
        json_node rows = json_item(array, (size_t)s);
        CADRE_TRY(read_layer_counts(
            &rows, groups, group, layer->experts, *counts + (int64_t)layer->first_expert * groups));
    }
    return CADRE_OK;
}

void shape_free(model_shape *shape)
{
    mem_free(shape->layer);
    *shape = (model_shape){ 0 };
}
