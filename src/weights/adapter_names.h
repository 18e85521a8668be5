/* adapter_names.h - what the pairs of an adapter are called: the module of the published model that
 * each of their matrices belongs to. */
#ifndef CADRE_WEIGHTS_ADAPTER_NAMES_H
#define CADRE_WEIGHTS_ADAPTER_NAMES_H

#include "weights/adapter.h"

enum { ADAPTER_NAME = TENSOR_NAME + 64 };

/* "model.layers.0.self_attn.q_proj"; of fused pairs, ".mlp.experts.base_layer" or ".mlp.experts" of
 * the layer. Refuses a matrix that folders hold as a part of a tensor, which no module is. */
cadre_status adapter_module_name(const model_config *config, const adapter *a,
    const adapter_pair *pair, char text[ADAPTER_NAME]);

/* The module of all experts of a layer: "model.layers.0.mlp.experts" */
void adapter_experts_name(const model_config *config, int32_t layer, char text[ADAPTER_NAME]);
/* The same without the layer, as "target_parameters" begin with it */
void adapter_experts_ending(const model_config *config, char text[ADAPTER_NAME]);
/* Whether rows of gate and up take turns in the tensor that holds both for all experts */
bool adapter_rows_alternate(const model_config *config);

/* The last part of a module's name: "q_proj" */
const char *adapter_leaf_name(const char *module);

#endif
