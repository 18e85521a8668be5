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

/* Leaves out random numbers, which hold only in training. */
static router_options route_outside_of_training(const router_options *route)
{
    router_options o = *route;
    o.jitter = o.logit_noise = 0;
    o.jitter_experts = false;
    return o;
}

/* A limit that is lifted after training is none. */
static dispatch_options limit_outside_of_training(const moe_config *moe)
{
    bool limited = moe->dispatch.in_eval && moe->dispatch.overflow != OVERFLOW_NONE;
    return limited ? moe->dispatch : (dispatch_options){ 0 };
}

/* Leaves out what holds only in training. */
static void keep_what_evaluation_reads(model_config *c, const moe_config *moe)
{
    c->capacity = limit_outside_of_training(moe);
    bool residual = moe->route.residual || (c->own_route && c->route.residual);
    c->own_route = true;
    c->route = route_outside_of_training(&moe->route);
    c->route.residual = residual; /* which the first sparse layer does not have */
    c->input_scale = (double)moe->input_scale;
}

/* Keeps what the layer has of its own, if layers differ in that. The first sparse layer has no
 * residual logits, whatever the model says of the others. */
static void keep_own(const model_config *c, const moe_config *moe, layer_config *l)
{
    if (l->own_capacity) l->capacity = limit_outside_of_training(moe);
    if (!l->own_route) return;
    l->route = route_outside_of_training(&moe->route);
    if (l == first_sparse(c)) l->route.residual = c->route.residual;
}

static bool limits_by_layer(const cadre_options *o)
{
    static const char *const limits[] = { "overflow", "priority", "capacity-in-eval" };
    bool by_layer = false;
    for (int i = 0; i < 3; i++) by_layer |= cadre_options_count(o, limits[i]) > 1;
    return by_layer;
}

/* Half of the groups are usual, in a layer that has some. */
static void choose_groups_used(const cadre_options *o, router_options *route)
{
    if (cadre_options_count(o, "groups") > 1 && !cadre_options_count(o, "groups-used"))
        route->groups_used = route->groups > 1 ? route->groups / 2 : 1;
}

cadre_status model_config_check_routers(const model_config *c, const cadre_options *o)
{
    const router *routers[CONFIG_MAX_LAYERS];
    for (int64_t l = 0; l < c->layers; l++)
        routers[l] = c->layer[l].sparse ? c->layer[l].moe.router : NULL;
    return settings_check_routers(o, routers, c->layers);
}

/* Reads the options of each sparse layer. */
static cadre_status read_layers(model_config *c, const cadre_options *o)
{
    int factors = cadre_options_count(o, "capacity-factor");
    int slots = cadre_options_count(o, "capacity-slots");
    int scales = cadre_options_count(o, "expert-input-scale");
    if (slots > 1) c->capacity.slots = 0; /* layers have their own */
    bool route_by_layer = settings_route_by_layer(o);
    bool limit_by_layer = limits_by_layer(o);
    CADRE_TRY(model_config_check_routers(c, o));
    for (int64_t l = 0; l < c->layers; l++) {
        layer_config *layer = &c->layer[l];
        moe_config moe = layer->moe;
        if (!layer->sparse) continue;
        CADRE_TRY(settings_read_layer_of(o, l, c->layers, &moe));
        choose_groups_used(o, &moe.route);
        CADRE_TRY(moe_config_check(&moe, "options"));
        CADRE_TRY(model_config_check_moe(&moe, "options"));
        layer->moe.constants = moe.constants;
        layer->moe.copies = moe.copies;
        layer->moe.zeros = moe.zeros;
        c->route.drop_last |= moe.route.drop_last;
        layer->own_capacity |= limit_by_layer;
        layer->own_route |= route_by_layer || layer->router;
        keep_own(c, &moe, layer);
        if (factors) layer->capacity_factor = factors > 1 ? (double)moe.dispatch.factor : 0;
        if (scales) layer->input_scale = scales > 1 ? (double)moe.input_scale : 0;
        if (slots) layer->capacity_slots = slots > 1 ? moe.dispatch.slots : 0;
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
