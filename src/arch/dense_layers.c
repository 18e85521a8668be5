/* dense_layers.c - reads and writes "mlp_only_layers", a list of layers. */
#include "arch/dense_layers.h"

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
