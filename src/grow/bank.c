/* bank.c - where banks lie among a layer's experts, and their sizes in a configuration. */
#include "grow/bank.h"

int32_t bank_count(const moe_config *moe) { return moe->route.banks ? moe->route.banks : 1; }

bank_range bank_range_of(const moe_config *moe, int32_t i)
{
    bank_range r = { 0, moe->experts };
    if (!moe->route.banks) return r;
    for (int32_t b = 0; b < i; b++) r.first += moe->route.bank_experts[b];
    r.count = moe->route.bank_experts[i];
    return r;
}

int32_t bank_of_expert(const moe_config *moe, int32_t expert)
{
    int32_t i = 0;
    while (i + 1 < bank_count(moe) && expert >= bank_range_of(moe, i + 1).first) i++;
    return i;
}

/* Banks are the model's; a layer with a router of its own has a copy of their sizes. */
static void resize_layer(layer_config *layer,
    int32_t (*size)(void *arg, const layer_config *layer, bank_range old), void *arg)
{
    moe_config *moe = &layer->moe;
    int32_t experts = 0, sizes[ROUTER_MAX_TYPES];
    for (int32_t i = 0; i < bank_count(moe); i++)
        experts += sizes[i] = size(arg, layer, bank_range_of(moe, i));
    for (int32_t i = 0; i < moe->route.banks; i++)
        moe->route.bank_experts[i] = layer->route.bank_experts[i] = sizes[i];
    moe->experts = experts;
}

void bank_resize(model_config *config,
    int32_t (*size)(void *arg, const layer_config *layer, bank_range old), void *arg)
{
    for (int64_t l = 0; l < config->layers; l++) {
        layer_config *layer = &config->layer[l];
        if (!layer->sparse) continue;
        resize_layer(layer, size, arg);
        for (int32_t i = 0; i < layer->moe.route.banks; i++)
            config->route.bank_experts[i] = layer->moe.route.bank_experts[i];
    }
}
