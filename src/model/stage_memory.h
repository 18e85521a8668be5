/* stage_memory.h - how much memory the layers of a stage want for their mixers and sparse layers:
 * some of it lies apart for each layer, some is shared by all. */
#ifndef CADRE_MODEL_STAGE_MEMORY_H
#define CADRE_MODEL_STAGE_MEMORY_H

#include "model/transformer.h"

/* What a layer's mixer, or its attention to an encoder, leaves for backward. */
size_t stage_mixer_bytes(const layer_config *l, const batch_limits *most);
size_t stage_cross_bytes(const layer_config *l, const batch_limits *most);

/* Of the layers' mixers that share a block's memory, the most. */
size_t stage_mixer_most(
    const model_config *c, const transformer_stage *stage, const batch_limits *most);
/* The most that a call of a mixer, or of a sparse layer, works with. */
size_t stage_workspace_most(
    const model_config *c, const transformer_stage *stage, const batch_limits *most, int workers);
size_t stage_moe_most(
    const model_config *c, const transformer_stage *stage, const batch_limits *most);

#endif
