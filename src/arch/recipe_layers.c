/* recipe_layers.c - options with one item for each layer: early layers may be coarse and late ones
 * fine. */
#include "arch/recipe_layers.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void recipe_note(char *text, size_t room, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, room - used, format, args);
    va_end(args);
}

/* Reduces the recipe's picks, which were not asked for, in layers with fewer experts: to half of
 * these. */
static void reduce_topk(model_config *c, char *notes, size_t room)
{
    bool said = false;
    for (int64_t l = 0; l < c->layers; l++) {
        layer_config *layer = &c->layer[l];
        if (layer->moe.route.topk <= layer->moe.experts) continue;
        int64_t half = layer->moe.experts > 1 ? layer->moe.experts / 2 : 1;
        if (layer->sparse && !said)
            recipe_note(notes, room,
                "topk: the recipe's %lld are more than %lld experts; %lld it is\n",
                (long long)layer->moe.route.topk, (long long)layer->moe.experts, (long long)half);
        said |= layer->sparse;
        layer->moe.route.topk = (int32_t)half;
    }
}

/* Makes shared experts as wide as the layer's own. */
static cadre_status layer_shared(const cadre_options *o, model_config *c)
{
    int64_t values[CONFIG_MAX_LAYERS];
    for (int64_t l = 0; l < c->layers; l++) values[l] = c->shared_experts;
    CADRE_TRY(options_layers(o, "shared-experts", (int)c->layers, values));
    for (int64_t l = 0; l < c->layers; l++)
        c->layer[l].moe.shared = values[l] * c->layer[l].moe.hidden;
    return CADRE_OK;
}

/* Reads latent widths and residual experts. */
static cadre_status layer_parts(const cadre_options *o, model_config *c)
{
    int64_t latent[CONFIG_MAX_LAYERS] = { 0 }, residual[CONFIG_MAX_LAYERS] = { 0 };
    CADRE_TRY(options_layers(o, "latent-width", (int)c->layers, latent));
    CADRE_TRY(options_layers(o, "residual-width", (int)c->layers, residual));
    for (int64_t l = 0; l < c->layers; l++) {
        c->layer[l].moe.latent = latent[l];
        c->layer[l].moe.residual = residual[l];
    }
    return CADRE_OK;
}

/* Reads the lists experts, topk, expert-width and dense-width. A layer with 0 experts is dense. */
static cadre_status layer_numbers(const cadre_options *o, model_config *c, char *notes, size_t room)
{
    int layers = (int)c->layers;
    int64_t values[CONFIG_MAX_LAYERS];
    for (int l = 0; l < layers; l++) values[l] = c->experts;
    CADRE_TRY(options_layers(o, "experts", layers, values));
    for (int l = 0; l < layers; l++) {
        c->layer[l].moe.experts = (int32_t)values[l];
        c->layer[l].sparse &= values[l] > 0;
    }
    for (int l = 0; l < layers; l++) values[l] = c->topk;
    CADRE_TRY(options_layers(o, "topk", layers, values));
    for (int l = 0; l < layers; l++) c->layer[l].moe.route.topk = (int32_t)values[l];
    if (!cadre_options_given(o, "topk")) reduce_topk(c, notes, room);
    for (int l = 0; l < layers; l++) values[l] = c->expert_width;
    CADRE_TRY(options_layers(o, "expert-width", layers, values));
    for (int l = 0; l < layers; l++) c->layer[l].moe.hidden = values[l];
    for (int l = 0; l < layers; l++) values[l] = c->layer[l].dense_width;
    CADRE_TRY(options_layers(o, "dense-width", layers, values));
    for (int l = 0; l < layers; l++) c->layer[l].dense_width = values[l];
    CADRE_TRY(layer_shared(o, c));
    return layer_parts(o, c);
}

/* The name of layer l: the only one, or that of a list. */
static const char *name_of(const cadre_options *o, const char *option, int64_t l)
{
    return cadre_options_text(o, option, cadre_options_count(o, option) > 1 ? (int)l : 0);
}

static cadre_status check_names(const cadre_options *o, const char *option, const model_config *c)
{
    int words = cadre_options_count(o, option);
    if (words == 1 || words == c->layers) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--%s: expected one name or one for each of the %lld layers, found %d", option,
        (long long)c->layers, words);
}

enum { LFM2_CONV = 3 }; /* tokens that a short convolution reads */

/* Reads a name, which layers that attend in a period do not have, or one for each layer. */
static cadre_status layer_mixers(const cadre_options *o, model_config *c)
{
    CADRE_TRY(check_names(o, "mixer", c));
    if (!c->conv && cadre_options_has(o, "mixer", mixer_short_conv.name)) c->conv = LFM2_CONV;
    if (c->attention_period && cadre_options_count(o, "mixer") == 1 &&
        !cadre_options_has(o, "mixer", "attention"))
        return model_config_attend_by_period(c, name_of(o, "mixer", 0), "options");
    for (int64_t l = 0; l < c->layers; l++)
        if (!strcmp(name_of(o, "mixer", l), mixer_mamba2.name)) model_config_usual_state(c);
    for (int64_t l = 0; l < c->layers; l++)
        CADRE_TRY(model_config_set_mixer(c, l, name_of(o, "mixer", l), "options"));
    return CADRE_OK;
}

/* Reads forms and routers. Those of the first layer, and of the first sparse one, are the
 * model's. */
static cadre_status layer_words(const cadre_options *o, model_config *c)
{
    int64_t first = 0;
    CADRE_TRY(check_names(o, "expert-form", c));
    CADRE_TRY(check_names(o, "router", c));
    while (first < c->layers - 1 && !c->layer[first].sparse) first++;
    c->router = router_by_name(name_of(o, "router", first));
    for (int64_t l = 0; l < c->layers; l++) {
        CADRE_TRY(model_config_set_layer_form(c, l, name_of(o, "expert-form", l), "options"));
        if (c->layer[l].sparse)
            CADRE_TRY(model_config_set_layer_router(c, l, name_of(o, "router", l), "options"));
    }
    return CADRE_OK;
}

cadre_status recipe_layers(const cadre_options *o, model_config *c, char *notes, size_t room)
{
    CADRE_TRY(layer_mixers(o, c));
    CADRE_TRY(layer_numbers(o, c, notes, room));
    CADRE_TRY(layer_words(o, c));
    model_config_summarise(c);
    return CADRE_OK;
}
