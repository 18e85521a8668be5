/* shape.c - reads the list of sparse layers, within bounds. */
#include "report/shape.h"

#include "base/memory.h"

static cadre_status read_layer(const json_node *item, model_shape *shape, shape_layer *layer)
{
    int64_t experts, picks;
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_get_int(item, "layer", 0, INT32_MAX, &layer->number));
    CADRE_TRY(json_get_int(item, "experts", 1, SHAPE_EXPERTS, &experts));
    CADRE_TRY(json_get_int(item, "topk", 1, experts < SHAPE_PICKS ? experts : SHAPE_PICKS, &picks));
    if (shape->experts + experts > SHAPE_ALL_EXPERTS)
        return json_refuse(item, "at most %d experts in all layers together", SHAPE_ALL_EXPERTS);
    if (shape->picks + picks > SHAPE_ALL_PICKS)
        return json_refuse(item, "at most %d picks in all layers together", SHAPE_ALL_PICKS);
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

void shape_free(model_shape *shape)
{
    mem_free(shape->layer);
    *shape = (model_shape){ 0 };
}
