/* dense_layers.h - "mlp_only_layers" of several families: layers that are dense even if the step of
 * sparse layers says otherwise. */
#ifndef CADRE_ARCH_DENSE_LAYERS_H
#define CADRE_ARCH_DENSE_LAYERS_H

#include "arch/config.h"
#include "format/json.h"
#include "format/json_writer.h"

cadre_status dense_layers_read(const json_node *root, model_config *config);
void dense_layers_write(const model_config *config, json_writer *w);

#endif
