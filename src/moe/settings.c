/* settings.c - reads the settings of a sparse layer from its options. */
#include "moe/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

static bool has(const cadre_options *o, const char *name)
{
    return cadre_options_count(o, name) > 0;
}

/* What is read for layer `layer` of so many. An option has one item for all layers or, in a list,
 * one for each. */
typedef struct layer_reader {
    const cadre_options *options;
    int64_t layer, layers;
    cadre_status status; /* the first refusal */
} layer_reader;

/* Finds the layer's item; false: the option has no value, or as many as nobody can mean. */
static bool find_item(layer_reader *r, const char *name, int *item)
{
    int count = cadre_options_count(r->options, name);
    *item = count > 1 ? (int)r->layer : 0;
    if (count <= 1 || count == r->layers) return count > 0;
    if (r->status == CADRE_OK)
        r->status = cadre_fail(CADRE_EARGUMENT, NULL, "--%s: expected one number%s, found %d", name,
            r->layers > 1 ? ", or one for each layer" : "", count);
    return false;
}

static void read_double(layer_reader *r, const char *name, double *value)
{
    int item;
    if (find_item(r, name, &item)) *value = options_real_at(r->options, name, item);
}

static void read_real(layer_reader *r, const char *name, real *value)
{
    double number = (double)*value;
    read_double(r, name, &number);
    *value = (real)number;
}

static void read_size(layer_reader *r, const char *name, int64_t *value)
{
    int item;
    if (find_item(r, name, &item)) *value = cadre_options_int(r->options, name, item);
}

static void read_int(layer_reader *r, const char *name, int32_t *value)
{
    int64_t number = *value;
    read_size(r, name, &number);
    *value = (int32_t)number;
}

static void read_flag(const cadre_options *o, const char *name, bool *value)
{
    if (has(o, name)) *value = cadre_options_flag(o, name);
}

/* The words of an option, in the order of the enumeration that they stand for. */
static const char *const *words_of(const char *name)
{
    cadre_option_table table = cadre_routing_options();
    int i = 0;
    while (strcmp(table.rows[i].name, name) != 0) i++;
    return table.rows[i].choices;
}

const char *settings_overflow_name(dispatch_overflow overflow)
{
    return words_of("overflow")[overflow];
}

const char *settings_priority_name(dispatch_priority priority)
{
    return words_of("priority")[priority];
}

/* The place of the option's word in its list; `otherwise` where it has no value. */
static int read_word(const cadre_options *o, const char *name, int otherwise)
{
    if (!has(o, name)) return otherwise;
    const char *const *words = words_of(name), *word = cadre_options_text(o, name, 0);
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], word)) return i;
    return otherwise;
}

static void read_route(layer_reader *from, router_options *r)
{
    const cadre_options *o = from->options;
    read_int(from, "groups", &r->groups);
    read_int(from, "groups-used", &r->groups_used);
    r->group_score = (group_score)read_word(o, "group-score", (int)r->group_score);
    r->group_mask = (group_mask)read_word(o, "group-mask", (int)r->group_mask);
    read_real(from, "route-scale", &r->scale);
    read_flag(o, "renormalise", &r->renormalise);
    read_flag(o, "survivors", &r->survivors);
    read_real(from, "norm-eps", &r->norm_eps);
    read_real(from, "top-p", &r->top_p);
    read_real(from, "noise-floor", &r->noise_floor);
    read_real(from, "jitter", &r->jitter);
    read_flag(o, "jitter-experts", &r->jitter_experts);
    r->score = (score_function)read_word(o, "score", (int)r->score);
    read_real(from, "logit-noise", &r->logit_noise);
    read_int(from, "slots", &r->slots);
    read_int(from, "projector", &r->projector);
    read_int(from, "tasks", &r->tasks);
    read_real(from, "l1", &r->l1);
    read_real(from, "l1-multiplier", &r->l1_multiplier);
    read_real(from, "sinkhorn-tolerance", &r->tolerance);
    read_real(from, "sparsemixer-epsilon", &r->mask_epsilon);
    read_real(from, "quantile-ema", &r->quantile_ema);
    read_flag(o, "residual-logits", &r->residual);
}

bool settings_route_by_layer(const cadre_options *o)
{
    static const char *const lists[] = { "groups", "groups-used", "route-scale", "norm-eps",
        "top-p", "slots", "projector", "sparsemixer-epsilon" };
    bool by_layer = has(o, "grid") && strchr(cadre_options_text(o, "grid", 0), '/');
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        by_layer |= cadre_options_count(o, lists[i]) > 1;
    return by_layer;
}

/* ---- lists between commas ---- */

/* One item of "NAME=VALUE,..." or "NAME,...": the name is cut to its room; value NULL where there
 * is none. Returns false at the list's end. */
typedef struct list_item {
    char name[BALANCE_NAME];
    double value;
    bool has_value, bad;
} list_item;

static bool next_item(const char **at, list_item *item)
{
    *item = (list_item){ 0 };
    if (!**at) return false;
    size_t size = strcspn(*at, ","), name = strcspn(*at, "=,");
    item->bad = name == 0 || name >= sizeof item->name;
    if (!item->bad) memcpy(item->name, *at, name);
    item->has_value = name < size;
    if (item->has_value) {
        char *end;
        item->value = strtod(*at + name + 1, &end);
        item->bad |= end != *at + size || end == *at + name + 1 || !isfinite(item->value);
    }
    *at += size + ((*at)[size] == ',');
    return true;
}

static cadre_status bad_list(const char *option, const char *expected, const char *text)
{
    return cadre_fail(CADRE_EARGUMENT, NULL, "%s: expected %s between commas, found '%s'", option,
        expected, text);
}

static bool is_count(double value, double most)
{
    return value >= 1 && value <= most && value == floor(value);
}

/* Finds the layer's part of a text that has one for all layers, or one for each between slashes. */
static bool find_part(layer_reader *r, const char *name, const char **at, size_t *size)
{
    int64_t parts = 1;
    const char *text = cadre_options_text(r->options, name, 0);
    for (const char *c = text; *c; c++) parts += *c == '/';
    if (parts > 1 && parts != r->layers)
        r->status = cadre_fail(CADRE_EARGUMENT, NULL,
            "--%s: expected sizes for all layers, or for each of %lld between slashes, found '%s'",
            name, (long long)r->layers, text);
    for (int64_t l = 0; parts == r->layers && l < r->layer; l++) text = strchr(text, '/') + 1;
    *at = text;
    *size = strcspn(text, "/");
    return r->status == CADRE_OK;
}

/* "3,4", or "4,4/2,8" */
static cadre_status read_grid(layer_reader *from, router_options *r)
{
    char part[128];
    size_t size;
    list_item item;
    const char *text, *at = part;
    if (!has(from->options, "grid")) return CADRE_OK;
    if (!find_part(from, "grid", &text, &size)) return from->status;
    snprintf(part, sizeof part, "%.*s", (int)size, text);
    r->dimensions = 0;
    while (next_item(&at, &item)) {
        char *end;
        double number = strtod(item.name, &end);
        if (item.bad || item.has_value || *end || !is_count(number, ROUTER_MAX_EXPERTS) ||
            r->dimensions == ROUTER_MAX_GRID)
            return bad_list("grid", "up to 8 sizes", part);
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
    while (next_item(&at, &item)) {
        if (item.bad || !is_count(item.value, ROUTER_MAX_EXPERTS) ||
            c->types.count == ROUTER_MAX_TYPES || strlen(item.name) >= ROUTER_TYPE_NAME)
            return bad_list("banks", "up to 8 TYPE=EXPERTS", text);
        snprintf(c->types.name[c->types.count++], ROUTER_TYPE_NAME, "%.23s", item.name);
        c->route.bank_experts[c->route.banks++] = (int32_t)item.value;
    }
    return CADRE_OK;
}

/* "text,image", "text=7.9,image=2.5" */
static cadre_status read_types(const cadre_options *o, moe_config *c)
{
    list_item item;
    const char *text = options_text_or(o, "types", ""), *at = text;
    if (has(o, "types")) c->types.count = 0;
    while (next_item(&at, &item)) {
        if (item.bad || item.has_value || c->types.count == ROUTER_MAX_TYPES ||
            strlen(item.name) >= ROUTER_TYPE_NAME)
            return bad_list("types", "up to 8 names", text);
        snprintf(c->types.name[c->types.count++], ROUTER_TYPE_NAME, "%.23s", item.name);
    }
    text = options_text_or(o, "entropy-experts", "");
    at = text;
    while (next_item(&at, &item)) {
        int type = token_type_by_name(&c->types, item.name);
        if (item.bad || !(item.value > 0) || type < 0)
            return bad_list("entropy-experts", "TYPE=EXPERTS of a type that types names", text);
        c->types.entropy_experts[type] = item.value;
    }
    return CADRE_OK;
}

static cadre_status read_experts(layer_reader *r, moe_config *c)
{
    const cadre_options *o = r->options;
    read_int(r, "constant-experts", &c->constants);
    read_int(r, "copy-experts", &c->copies);
    read_int(r, "zero-experts", &c->zeros);
    read_real(r, "expert-input-scale", &c->input_scale);
    c->estimator = (estimator)read_word(o, "estimator", (int)c->estimator);
    if (has(o, "tau")) c->tau = cadre_options_real(o, "tau");
    c->route.drop_last = c->zeros && read_word(o, "zero-weight", c->route.drop_last);
    CADRE_TRY(settings_read_banks(o, c));
    return read_types(o, c);
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
    read_real(r, "capacity-factor", &d->factor);
    if (own && has(o, "capacity-factor")) c->route.capacity = d->factor;
    read_size(r, "capacity-slots", &d->slots);
    read_flag(o, "capacity-in-eval", &d->in_eval);
    /* Who asks for a capacity means it */
    bool limited = (has(o, "capacity-factor") && !own) || d->slots > 0 || any_slots(o);
    d->overflow =
        (dispatch_overflow)read_word(o, "overflow", limited ? OVERFLOW_DROP : (int)d->overflow);
    d->priority = (dispatch_priority)read_word(o, "priority", (int)d->priority);
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
    read_double(&r, "expert-dropout", &c->expert_dropout);
    return r.status;
}

/* "load=0.01,z=0.001": terms over all tokens of a batch, added to those of the other options. */
static cadre_status read_losses(const char *text, balance_options *b)
{
    list_item item;
    const char *at = text;
    while (next_item(&at, &item)) {
        bool z = !strcmp(item.name, "z");
        if (item.bad || !item.has_value) return bad_list("losses", "NAME=COEFFICIENT", text);
        if (!z && !balance_loss_by_name(item.name))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "losses: expected the name of a balancing loss or z, found '%s'", item.name);
        if (b->terms == BALANCE_MAX_TERMS)
            return cadre_fail(
                CADRE_EARGUMENT, NULL, "losses: expected at most %d of them", BALANCE_MAX_TERMS);
        if (z) b->z_loss += item.value;
        else balance_add(b, item.name, item.value, BALANCE_MICRO, BALANCE_LAYER);
    }
    return CADRE_OK;
}

cadre_status settings_read_balance(const cadre_options *o, balance_options *b)
{
    balance_form form = (balance_form)read_word(o, "aux-form", BALANCE_LAYER);
    balance_over over = (balance_over)read_word(o, "balance-over", BALANCE_MICRO);
    const char *loss = options_text_or(o, "balance-loss", "load");
    balance_add(b, loss, options_real_or(o, "aux-loss", 0), over, form);
    balance_add(b, "load", options_real_or(o, "sequence-aux", 0), BALANCE_SEQUENCE, BALANCE_LAYER);
    balance_add(b, "mean-entropy", options_real_or(o, "sequence-entropy", 0), BALANCE_SEQUENCE,
        BALANCE_LAYER);
    b->z_loss = options_real_or(o, "z-loss", b->z_loss);
    b->bias_rate = options_real_or(o, "bias-update-rate", b->bias_rate);
    b->devices = (int32_t)options_int_or(o, "devices", b->devices);
    b->devices_used = (int32_t)options_int_or(o, "devices-used", b->devices_used);
    if (!cadre_options_row(o, "losses") || !has(o, "losses")) return CADRE_OK;
    return read_losses(cadre_options_text(o, "losses", 0), b);
}

cadre_status settings_check_router(const cadre_options *o, const router *r)
{
    static const char *const special[] = { "group-score", "group-mask", "renormalise", "survivors",
        "norm-eps", "top-p", "noise-floor", "score", "logit-noise", "slots", "grid", "projector",
        "tasks", "l1", "l1-multiplier", "sinkhorn-tolerance", "sparsemixer-epsilon",
        "quantile-ema" };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (cadre_options_given(o, special[i]) && !router_understands(r, special[i]))
            return cadre_fail(
                CADRE_EARGUMENT, NULL, "%s: the router %s has no such option", special[i], r->name);
    bool given = cadre_options_given(o, "bias-update-rate");
    bool moves = given && cadre_options_real(o, "bias-update-rate") > 0;
    if (moves && !(r->traits & ROUTER_CORRECTION))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "bias-update-rate: the router %s has no selection bias to move", r->name);
    return CADRE_OK;
}
