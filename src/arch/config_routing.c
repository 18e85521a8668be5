/* config_routing.c - what options say about a model's routing that holds outside of training too:
 * the part that a saved model must keep. */
#include "arch/config.h"
#include "moe/settings.h"

static const layer_config *first_sparse(const model_config *c)
{
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse) return &c->layer[l];
    return NULL;
}

/* What holds in training alone is left out: a limit that is lifted afterwards, random numbers. */
static void keep_what_evaluation_reads(model_config *c, const moe_config *moe)
{
    bool limited = moe->dispatch.in_eval && moe->dispatch.overflow != OVERFLOW_NONE;
    c->capacity = limited ? moe->dispatch : (dispatch_options){ 0 };
    c->own_route = true;
    c->route = moe->route;
    c->route.jitter = c->route.logit_noise = 0;
    c->route.jitter_experts = false;
}

cadre_status model_config_read_routing(model_config *c, const cadre_options *options)
{
    if (c->encoder) CADRE_TRY(model_config_read_routing(c->encoder, options));
    const layer_config *layer = first_sparse(c);
    if (!layer) return CADRE_OK;
    moe_config moe = layer->moe;
    CADRE_TRY(settings_read_layer(options, &moe));
    if (cadre_options_count(options, "route-scale"))
        c->route_scale = cadre_options_real(options, "route-scale");
    CADRE_TRY(settings_check_router(options, moe.router));
    CADRE_TRY(moe_config_check(&moe, "options"));
    CADRE_TRY(model_config_check_moe(&moe, "options"));
    keep_what_evaluation_reads(c, &moe);
    model_config_fill_layers(c);
    return CADRE_OK;
}
