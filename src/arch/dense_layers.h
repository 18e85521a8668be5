/* dense_layers.h - lists of dense layers that several families have. */
#ifndef CADRE_ARCH_DENSE_LAYERS_H
#define CADRE_ARCH_DENSE_LAYERS_H

#include "arch/config.h"
#include "format/json.h"
#include "format/json_writer.h"

/* "mlp_only_layers": layers that are dense even if the step of sparse layers says otherwise */
cadre_status dense_layers_read(const json_node *root, model_config *config);
void dense_layers_write(const model_config *config, json_writer *w);

/* "mlp_layer_types": "dense" or "sparse" for each layer, in place of a number of dense layers */
cadre_status layer_kinds_read(const json_node *root, model_config *config);
void layer_kinds_write(const model_config *config, json_writer *w);

#endif
