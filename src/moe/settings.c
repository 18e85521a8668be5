/* settings.c - reads the settings of a sparse layer from its options. */
#include "moe/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "moe/layer_reader.h"

static bool has(const cadre_options *o, const char *name)
{
    return cadre_options_count(o, name) > 0;
}

const char *settings_overflow_name(dispatch_overflow overflow)
{
    return option_words("overflow")[overflow];
}

const char *settings_priority_name(dispatch_priority priority)
{
    return option_words("priority")[priority];
}

static void read_route(layer_reader *from, router_options *r)
{
    layer_int(from, "groups", &r->groups);
    layer_int(from, "groups-used", &r->groups_used);
    r->group_score = (group_score)layer_word(from, "group-score", (int)r->group_score);
    r->group_mask = (group_mask)layer_word(from, "group-mask", (int)r->group_mask);
    layer_real(from, "route-scale", &r->scale);
    layer_flag(from, "renormalise", &r->renormalise);
    layer_flag(from, "survivors", &r->renormalise_kept);
    layer_real(from, "norm-eps", &r->norm_eps);
    layer_real(from, "top-p", &r->top_p);
    layer_real(from, "noise-floor", &r->noise_floor);
    layer_real(from, "jitter", &r->jitter);
    layer_flag(from, "jitter-experts", &r->jitter_experts);
    r->score = (score_function)layer_word(from, "score", (int)r->score);
    layer_real(from, "logit-noise", &r->logit_noise);
    layer_int(from, "slots", &r->slots);
    layer_int(from, "projector", &r->projector);
    layer_int(from, "tasks", &r->tasks);
    layer_real(from, "l1", &r->l1);
    layer_real(from, "l1-multiplier", &r->l1_multiplier);
    layer_real(from, "sinkhorn-tolerance", &r->tolerance);
    layer_real(from, "sparsemixer-epsilon", &r->mask_epsilon);
    layer_real(from, "quantile-ema", &r->quantile_ema);
    layer_flag(from, "residual-logits", &r->residual);
}

bool settings_route_by_layer(const cadre_options *o)
{
    static const char *const lists[] = { "groups", "groups-used", "route-scale", "norm-eps",
        "top-p", "slots", "projector", "sparsemixer-epsilon", "group-score", "group-mask",
        "renormalise", "survivors", "score", "zero-weight", "residual-logits" };
    bool by_layer = has(o, "grid") && strchr(cadre_options_text(o, "grid", 0), '/');
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        by_layer |= cadre_options_count(o, lists[i]) > 1;
    return by_layer;
}

/* ---- lists between commas ---- */

static bool is_count(double value, double most)
{
    return value >= 1 && value <= most && value == floor(value);
}

/* "3,4", or "4,4/2,8" */
static cadre_status read_grid(layer_reader *from, router_options *r)
{
    char part[LIST_PART];
    list_item item;
    const char *at = part;
    if (!has(from->options, "grid")) return CADRE_OK;
    CADRE_TRY(layer_part(from, "grid", "sizes", part, sizeof part));
    r->dimensions = 0;
    while (list_next(&at, &item)) {
        char *end;
        double number = strtod(item.name, &end);
        if (item.bad || item.has_value || *end || !is_count(number, ROUTER_MAX_EXPERTS) ||
            r->dimensions == ROUTER_MAX_GRID)
            return list_refuse("grid", "up to 8 sizes", part);
        r->grid[r->dimensions++] = (int32_t)number;
    }
    return CADRE_OK;
}

/* "text=8,image=4" */
cadre_status settings_read_banks(const cadre_options *o, moe_config *c)
{
    list_item item;
    if (!has(o, "banks")) return CADRE_OK;
    const char *text = cadre_options_text(o, "banks", 0), *at = text;
    c->types.count = c->route.banks = 0;
    while (list_next(&at, &item)) {
        if (item.bad || !is_count(item.value, ROUTER_MAX_EXPERTS) ||
            c->types.count == ROUTER_MAX_TYPES || strlen(item.name) >= ROUTER_TYPE_NAME)
            return list_refuse("banks", "up to 8 TYPE=EXPERTS", text);
        snprintf(c->types.name[c->types.count++], ROUTER_TYPE_NAME, "%.23s", item.name);
        c->route.bank_experts[c->route.banks++] = (int32_t)item.value;
    }
    return CADRE_OK;
}

/* "text,image" */
static cadre_status read_types(const cadre_options *o, moe_config *c)
{
    list_item item;
    const char *text = options_text_or(o, "types", ""), *at = text;
    if (has(o, "types")) c->types.count = 0;
    while (list_next(&at, &item)) {
        if (item.bad || item.has_value || c->types.count == ROUTER_MAX_TYPES ||
            strlen(item.name) >= ROUTER_TYPE_NAME)
            return list_refuse("types", "up to 8 names", text);
        snprintf(c->types.name[c->types.count++], ROUTER_TYPE_NAME, "%.23s", item.name);
    }
    return CADRE_OK;
}

/* "text=7.9,image=2.5", or a part for each layer */
static cadre_status read_entropy_experts(const layer_reader *r, moe_config *c)
{
    char part[LIST_PART];
    list_item item;
    const char *at = part;
    if (!has(r->options, "entropy-experts")) return CADRE_OK;
    CADRE_TRY(layer_part(r, "entropy-experts", "types", part, sizeof part));
    while (list_next(&at, &item)) {
        int type = token_type_by_name(&c->types, item.name);
        if (item.bad || !(item.value > 0) || type < 0)
            return list_refuse("entropy-experts", "TYPE=EXPERTS of a type that types names", part);
        c->types.entropy_experts[type] = item.value;
    }
    return CADRE_OK;
}

static cadre_status read_experts(layer_reader *r, moe_config *c)
{
    const cadre_options *o = r->options;
    layer_int(r, "constant-experts", &c->constants);
    layer_int(r, "copy-experts", &c->copies);
    layer_int(r, "zero-experts", &c->zeros);
    layer_real(r, "expert-input-scale", &c->input_scale);
    c->estimator = (estimator)layer_word(r, "estimator", (int)c->estimator);
    layer_double(r, "tau", &c->tau);
    c->route.drop_last = c->zeros && layer_word(r, "zero-weight", c->route.drop_last);
    CADRE_TRY(settings_read_banks(o, c));
    CADRE_TRY(read_types(o, c));
    return read_entropy_experts(r, c);
}

static bool any_slots(const cadre_options *o)
{
    bool any = false;
    for (int i = 0; i < cadre_options_count(o, "capacity-slots"); i++)
        any |= cadre_options_int(o, "capacity-slots", i) > 0;
    return any;
}

static void read_capacity(layer_reader *r, moe_config *c)
{
    const cadre_options *o = r->options;
    dispatch_options *d = &c->dispatch;
    bool own = c->router->traits & ROUTER_OWN_CAPACITY; /* the router reads the factor itself */
    layer_real(r, "capacity-factor", &d->factor);
    if (own && has(o, "capacity-factor")) c->route.capacity = d->factor;
    layer_size(r, "capacity-slots", &d->slots);
    layer_flag(r, "capacity-in-eval", &d->in_eval);
    /* A capacity that was asked for is a limit, also where the recipe has none */
    bool limited = (has(o, "capacity-factor") && !own) || d->slots > 0 || any_slots(o);
    d->overflow =
        (dispatch_overflow)layer_word(r, "overflow", limited ? OVERFLOW_DROP : (int)d->overflow);
    d->priority = (dispatch_priority)layer_word(r, "priority", (int)d->priority);
}

cadre_status settings_read_layer(const cadre_options *o, moe_config *c)
{
    return settings_read_layer_of(o, 0, 1, c);
}

cadre_status settings_read_layer_of(
    const cadre_options *o, int64_t l, int64_t layers, moe_config *c)
{
    layer_reader r = { .options = o, .layer = l, .layers = layers };
    read_route(&r, &c->route);
    CADRE_TRY(r.status);
    CADRE_TRY(read_grid(&r, &c->route));
    CADRE_TRY(read_experts(&r, c));
    read_capacity(&r, c);
    layer_double(&r, "expert-dropout", &c->expert_dropout);
    return r.status;
}

/* ---- options that belong to some routers ---- */

/* An option for all layers is one that some layer's router understands; r [layers], NULL: the layer
 * has none. */
static bool any_understands(const router *const *r, int64_t layers, const char *option)
{
    bool any = false;
    for (int64_t l = 0; l < layers; l++) any |= r[l] && router_understands(r[l], option);
    return any;
}

static const router *first_of(const router *const *r, int64_t layers)
{
    int64_t l = 0;
    while (l < layers - 1 && !r[l]) l++;
    return r[l];
}

/* The first layer whose router has no correction bias although it shall move; layers: none. One
 * rate for all is of those layers that have one, if any has. */
static int64_t find_unmoved(const cadre_options *o, const router *const *r, int64_t layers)
{
    int count = cadre_options_count(o, "bias-update-rate");
    bool any = false;
    if (count > 1 && count != layers) return layers; /* refused where coefficients are read */
    for (int64_t l = 0; l < layers; l++) any |= r[l] && r[l]->traits & ROUTER_CORRECTION;
    for (int64_t l = 0; l < layers; l++) {
        double rate = options_real_at(o, "bias-update-rate", count > 1 ? (int)l : 0);
        bool moves = r[l] && rate > 0 && !(r[l]->traits & ROUTER_CORRECTION);
        if (moves && (count > 1 || !any)) return l;
    }
    return layers;
}

cadre_status settings_check_routers(
    const cadre_options *o, const router *const *routers, int64_t layers)
{
    static const char *const special[] = { "group-score", "group-mask", "renormalise", "survivors",
        "norm-eps", "top-p", "noise-floor", "score", "logit-noise", "slots", "grid", "projector",
        "tasks", "l1", "l1-multiplier", "sinkhorn-tolerance", "sparsemixer-epsilon",
        "quantile-ema" };
    const router *first = first_of(routers, layers);
    if (!first) return CADRE_OK; /* no layer is sparse */
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (cadre_options_given(o, special[i]) && !any_understands(routers, layers, special[i]))
            return cadre_fail(CADRE_EARGUMENT, NULL, "%s: the router %s has no such option",
                special[i], first->name);
    if (!cadre_options_given(o, "bias-update-rate")) return CADRE_OK;
    int64_t l = find_unmoved(o, routers, layers);
    if (l == layers) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "bias-update-rate: the router %s has no correction bias to move", routers[l]->name);
}
