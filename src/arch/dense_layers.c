/* dense_layers.c - reads and writes "mlp_only_layers" and "mlp_layer_types". */
#include "arch/dense_layers.h"

#include <string.h>

cadre_status dense_layers_read(const json_node *root, model_config *config)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "mlp_only_layers", &list));
    for (size_t i = 0; list.value && i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        int64_t layer;
        CADRE_TRY(json_as_int(&item, 0, config->layers - 1, &layer));
        config->layer[layer].sparse = false;
    }
    return CADRE_OK;
}

void dense_layers_write(const model_config *config, json_writer *w)
{
    json_put_array(w, "mlp_only_layers");
    for (int64_t l = 0; l < config->layers; l++)
        if (!config->layer[l].sparse && (l + 1) % config->sparse_step == 0)
            json_put_int(w, NULL, l);
    json_put_close(w, ']');
}

cadre_status layer_kinds_read(const json_node *root, model_config *c)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "mlp_layer_types", &list));
    if (list.value && (int64_t)json_count(&list) != c->layers)
        return json_refuse(&list, "one item for each of the %lld layers", (long long)c->layers);
    for (int64_t l = 0; list.value && l < c->layers; l++) {
        json_node item = json_item(&list, (size_t)l);
        const char *type;
        CADRE_TRY(json_as_string(&item, &type, NULL));
        c->layer[l].sparse = !strcmp(type, "sparse");
        if (!c->layer[l].sparse && strcmp(type, "dense") != 0)
            return json_refuse(&item, "dense or sparse");
    }
    return CADRE_OK;
}

void layer_kinds_write(const model_config *c, json_writer *w)
{
    json_put_array(w, "mlp_layer_types");
    for (int64_t l = 0; l < c->layers; l++)
        json_put_string(w, NULL, c->layer[l].sparse ? "sparse" : "dense");
    json_put_close(w, ']');
}
