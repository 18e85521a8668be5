/* config_routing.c - reads what options say about a model's routing that also holds outside of
 * training, and which a saved model must therefore keep. */
#include "arch/config.h"
#include "arch/token_types.h"
#include "moe/settings.h"

static const layer_config *first_sparse(const model_config *c)
{
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse) return &c->layer[l];
    return NULL;
}

/* Leaves out what holds only in training: a limit that is lifted afterwards, and random numbers. */
static void keep_what_evaluation_reads(model_config *c, const moe_config *moe)
{
    bool limited = moe->dispatch.in_eval && moe->dispatch.overflow != OVERFLOW_NONE;
    c->capacity = limited ? moe->dispatch : (dispatch_options){ 0 };
    bool residual = moe->route.residual || (c->own_route && c->route.residual);
    c->own_route = true;
    c->route = moe->route;
    c->route.residual = residual; /* which the first sparse layer does not have */
    c->input_scale = (double)moe->input_scale;
    c->route.jitter = c->route.logit_noise = 0;
    c->route.jitter_experts = false;
}

/* Reads the options of each sparse layer. */
static cadre_status read_layers(model_config *c, const cadre_options *o)
{
    int factors = cadre_options_count(o, "capacity-factor");
    for (int64_t l = 0; l < c->layers; l++) {
        layer_config *layer = &c->layer[l];
        moe_config moe = layer->moe;
        if (!layer->sparse) continue;
        CADRE_TRY(settings_read_layer_of(o, l, c->layers, &moe));
        CADRE_TRY(settings_check_router(o, moe.router));
        CADRE_TRY(moe_config_check(&moe, "options"));
        CADRE_TRY(model_config_check_moe(&moe, "options"));
        layer->moe.constants = moe.constants;
        layer->moe.copies = moe.copies;
        layer->moe.zeros = moe.zeros;
        c->route.drop_last |= moe.route.drop_last;
        if (factors) layer->capacity_factor = factors > 1 ? (double)moe.dispatch.factor : 0;
    }
    return CADRE_OK;
}

cadre_status model_config_read_routing(model_config *c, const cadre_options *options)
{
    if (c->encoder) CADRE_TRY(model_config_read_routing(c->encoder, options));
    const layer_config *layer = first_sparse(c);
    if (!layer) return CADRE_OK;
    moe_config moe = layer->moe;
    CADRE_TRY(settings_read_layer_of(options, layer - c->layer, c->layers, &moe));
    if (cadre_options_count(options, "route-scale"))
        c->route_scale = cadre_options_real(options, "route-scale");
    CADRE_TRY(token_types_agree(c, &moe));
    keep_what_evaluation_reads(c, &moe);
    CADRE_TRY(read_layers(c, options));
    model_config_fill_layers(c);
    return model_config_check(c, "options");
}
