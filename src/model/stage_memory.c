/* stage_memory.c - sizes by layer, and the largest. */
#include "model/stage_memory.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

size_t stage_mixer_bytes(const layer_config *l, const batch_limits *most)
{
    return l->mixer.row->kept_bytes(&l->mixer, most);
}

size_t stage_cross_bytes(const layer_config *l, const batch_limits *most)
{
    return l->cross.row ? l->cross.row->kept_bytes(&l->cross, most) : 0;
}

size_t stage_mixer_most(
    const model_config *c, const transformer_stage *stage, const batch_limits *most)
{
    size_t bytes = 0;
    for (int64_t l = stage->first; l < stage->end; l++)
        bytes = larger(bytes, stage_mixer_bytes(&c->layer[l], most));
    return bytes;
}

static size_t workspace_of(const mixer_config *c, const batch_limits *most, int workers)
{
    return c->row ? c->row->workspace_bytes(c, most, workers) : 0;
}

size_t stage_workspace_most(
    const model_config *c, const transformer_stage *stage, const batch_limits *most, int workers)
{
    size_t bytes = 0;
    for (int64_t l = stage->first; l < stage->end; l++) {
        bytes = larger(bytes, workspace_of(&c->layer[l].mixer, most, workers));
        bytes = larger(bytes, workspace_of(&c->layer[l].cross, most, workers));
    }
    return bytes;
}

size_t stage_moe_most(
    const model_config *c, const transformer_stage *stage, const batch_limits *most)
{
    size_t bytes = 0;
    for (int64_t l = stage->first; l < stage->end; l++)
        if (c->layer[l].sparse) bytes = larger(bytes, moe_scratch_bytes(&c->layer[l].moe, most));
    return bytes;
}
