/* config_trainable.c - what of a configuration has no backward pass. */
#include "arch/config.h"

const char *model_config_untrainable(const model_config *c)
{
    if (c->logit_softcap > 0) return "a soft limit of logits";
    if (c->layer_scale) return "numbers that multiply layers";
    if (c->qkv_clip > 0) return "queries, keys and values that are cut off";
    for (int64_t l = 0; l < c->layers; l++) {
        const layer_config *layer = &c->layer[l];
        if (layer->beside) return "a dense feed-forward beside experts";
        if (layer->mixer.values != VALUES_PLAIN) return "norms of values";
        if (!layer->mixer.row->backward) return layer->mixer.row->words;
        if (layer->cross.row && !layer->cross.row->backward) return layer->cross.row->words;
    }
    return NULL;
}
