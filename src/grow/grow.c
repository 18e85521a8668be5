/* grow.c - adds experts to every sparse layer of a model, which still computes what it did.
 *
 * A new expert is a copy of an existing one, its parent, with the parent's row of the router. It is
 * kept from being picked in one of three ways, which growth_rule names:
 *
 *     by a bias on its logit, `hold` below its parent's. Where weights sum to 1, its share of
 *         e^-hold disappears beside the others' in float, so that the results are the same;
 *     by its correction, `hold` below the lowest of all, where picks are taken by score +
 *         correction. It loses against every expert and has no part in their weights;
 *     by both, where picks are taken by a correction and its logit has a part in the others'
 *         scores.
 *
 * Where experts take tokens, or can be full, each has as much room as before: the capacity factor,
 * a multiple of the even share, grows with the number of experts. Where a token takes all experts
 * above their thresholds, a newcomer's is out of reach.
 *
 * Old experts keep their order and win ties: newcomers stand behind them, and where experts lie in
 * banks, behind those of their bank. */
#include <math.h>
#include <string.h>

#include "arch/architecture.h"
#include "base/memory.h"
#include "base/options.h"
#include "grow/bank.h"
#include "grow/derivation.h"
#include "grow/growth.h"
#include "grow/layout.h"
#include "grow/rule.h"
#include "kernel/context.h"

enum { BIAS = 30 }; /* a weight times e^-30 is 0 in float */

typedef struct growing {
    model_input old;
    model_config config; /* of the new model */
    int64_t added;       /* to each bank */
    double hold;         /* below 0: as the router's rule says */
} growing;

/* ---- what the new model is ---- */

static cadre_status check_old(const model_config *c, const char *path)
{
    if (c->encoder)
        return cadre_fail(CADRE_EUNSUPPORTED, path, "expected a decoder, found an encoder too");
    if (c->capacity.in_eval && c->capacity.overflow == OVERFLOW_REROUTE)
        return cadre_fail(CADRE_EUNSUPPORTED, path,
            "expected experts that drop a pick when they are full, found some that send it on, "
            "to newcomers too");
    if (model_config_sparse_layers(c)) return CADRE_OK;
    cadre_status status =
        cadre_fail(CADRE_EARGUMENT, path, "expected a sparse model, found a dense one");
    cadre_fail_advice("'cadre upcycle' makes a sparse model of it");
    return status;
}

static const moe_config *old_layer(const growing *g, int64_t l)
{
    return &g->old.config.layer[l].moe;
}

/* The rule of a layer. Layers that cannot be added to were refused before anything was written. */
static const growth_rule *rule_of(const growing *g, int64_t l)
{
    const growth_rule *rule = NULL;
    return growth_rule_of(old_layer(g, l), "options", &rule) == CADRE_OK ? rule : NULL;
}

/* A factor of capacity: tokens of a sequence that an expert takes, or has room for. */
typedef struct capacity_rule {
    float factor;
    int64_t picks, experts;
} capacity_rule;

static double room_of(const capacity_rule *r, int64_t tokens)
{
    return dispatch_slots(r->factor, tokens * r->picks, r->experts);
}

static bool same_room(const capacity_rule *a, const capacity_rule *b, int64_t most_tokens)
{
    bool same = true;
    for (int64_t tokens = 1; tokens <= most_tokens && same; tokens++)
        same = room_of(a, tokens) == room_of(b, tokens);
    return same;
}

/* Whether experts have the room that they had, by the factor that the layer has now. */
static bool keeps_room(
    const moe_config *old, const moe_config *now, bool own, float factor, int64_t most_tokens)
{
    bool same = true;
    int64_t picks = own ? 1 : old->route.topk;
    for (int32_t i = 0; i < (own ? bank_count(old) : 1); i++) {
        const capacity_rule was = { (float)(own ? old->route.capacity : old->dispatch.factor),
            picks, own ? bank_range_of(old, i).count : old->experts };
        const capacity_rule is = { factor, picks,
            own ? bank_range_of(now, i).count : now->experts };
        same &= same_room(&was, &is, most_tokens);
    }
    return same;
}

/* Finds the factor with which each of the layer's experts has as much room as each had before, for
 * a router that reads it itself, and for a capacity that holds outside of training too. */
static cadre_status keep_capacity(
    const model_config *c, const moe_config *old, const char *path, layer_config *layer)
{
    bool own = old->router->traits & ROUTER_OWN_CAPACITY;
    const dispatch_options *d = &old->dispatch;
    if (!own && (!d->in_eval || d->overflow == OVERFLOW_NONE || d->slots > 0)) return CADRE_OK;
    double was = own ? (double)old->route.capacity : (double)d->factor,
           more = own ? (double)bank_range_of(&layer->moe, 0).count / bank_range_of(old, 0).count
                      : (double)layer->moe.experts / old->experts;
    float exact = (float)(was * more);
    const float tries[] = { exact, nextafterf(exact, 0), nextafterf(exact, INFINITY) };
    for (int i = 0; i < 3; i++) {
        if (!keeps_room(old, &layer->moe, own, tries[i], c->context)) continue;
        layer->capacity_factor = (double)tries[i];
        return CADRE_OK;
    }
    return cadre_fail(CADRE_EUNSUPPORTED, path,
        "--add: expected a number of experts with which each can have the room that it had, found "
        "%lld",
        (long long)(layer->moe.experts - old->experts));
}

static int32_t grown_size(void *arg, const layer_config *layer, bank_range old)
{
    const growing *g = arg;
    (void)layer;
    return old.count + (int32_t)g->added;
}

static cadre_status check_layers(const growing *g, const char *path)
{
    for (int64_t l = 0; l < g->config.layers; l++) {
        const growth_rule *rule;
        const moe_config *old = old_layer(g, l);
        if (!g->config.layer[l].sparse) continue;
        CADRE_TRY(growth_rule_of(old, path, &rule));
        int64_t most = (CONFIG_MAX_EXPERTS - old->experts) / bank_count(old);
        if (g->added > most)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--add: expected at most %lld, which makes %lld experts, found %lld",
                (long long)most, (long long)(old->experts + most * bank_count(old)),
                (long long)g->added);
    }
    return CADRE_OK;
}

static cadre_status add_to_layers(growing *g, const char *path)
{
    model_config *c = &g->config;
    CADRE_TRY(check_layers(g, path));
    bank_resize(c, grown_size, g);
    for (int64_t l = 0; l < c->layers; l++) {
        if (!c->layer[l].sparse) continue;
        CADRE_TRY(keep_capacity(c, old_layer(g, l), path, &c->layer[l]));
        c->router_bias |= rule_of(g, l)->hold != HOLD_BY_CORRECTION;
    }
    return CADRE_OK;
}

static cadre_status choose(growing *g, const growth_run *run)
{
    const char *const families[] = { g->old.config.arch->model_type, NULL };
    const cadre_options *o = run->options;
    g->added = cadre_options_int(o, "add", 0);
    g->hold = options_real_or(o, "hold", -1);
    CADRE_TRY(check_old(&g->old.config, run->path));
    CADRE_TRY(model_config_copy(&g->old.config, &g->config));
    CADRE_TRY(add_to_layers(g, run->path));
    model_config_summarise(&g->config);
    model_config_fill_layers(&g->config);
    CADRE_TRY(model_config_check(&g->config, run->path));
    return layout_choose(families, run->path, &run->listener, &g->config);
}

/* ---- where parameters come from ---- */

/* Whether the parameter has a row or an element for each expert, beside those of the experts. */
static bool is_by_expert(const param *p, const param *old)
{
    return param_has_row_per_expert(p->role) ||
           (param_is_routers_own(p->role) && old->cols != p->cols);
}

/* The old expert that an expert is, or whose copy it is. */
static int32_t parent_of(const growing *g, int64_t layer, int32_t expert)
{
    const moe_config *now = &g->config.layer[layer].moe;
    int32_t i = bank_of_expert(now, expert);
    bank_range is = bank_range_of(now, i), was = bank_range_of(old_layer(g, layer), i);
    return was.first + (expert - is.first) % was.count;
}

static void origin_of(void *arg, const param *p, origin *o)
{
    const growing *g = arg;
    param old = derivation_param(&g->old, p->role, p->layer, -1);
    if (is_by_expert(p, &old)) {
        o->made = true;
        o->from = old;
        if (!o->from.rows) o->input = -1; /* a bias that the old router does not have */
    } else if (param_is_expert(p->role))
        o->from = derivation_param(&g->old, p->role, p->layer, parent_of(g, p->layer, p->expert));
}

/* The lowest of n values */
static real lowest(const real *values, int64_t n)
{
    real least = values[0];
    for (int64_t i = 1; i < n; i++)
        if (values[i] < least) least = values[i];
    return least;
}

/* Holds a bank's new experts back. Their values are still those of their parents. */
static void hold_back(const growing *g, const param *p, int32_t bank, real *values)
{
    const growth_rule *rule = rule_of(g, p->layer);
    int32_t old = bank_range_of(old_layer(g, p->layer), bank).count;
    bank_range is = bank_range_of(&g->config.layer[p->layer].moe, bank);
    bool by_bias = p->role == ROLE_ROUTER_BIAS && rule->hold != HOLD_BY_CORRECTION;
    bool by_correction = p->role == ROLE_ROUTER_CORRECTION && rule->hold != HOLD_BY_BIAS;
    real hold = (real)(g->hold >= 0 ? g->hold : by_bias ? BIAS : rule->lower);
    real least = lowest(values + is.first, old);
    bool by_threshold = param_is_routers_own(p->role) &&
                        !strcmp(old_layer(g, p->layer)->router->name, "threshold") && g->hold < 0;
    for (int32_t e = is.first + old; e < is.first + is.count; e++) {
        if (by_threshold) values[e] = 1; /* which no probability exceeds */
        if (by_bias) values[e] -= hold;
        if (by_correction) values[e] = least - hold;
    }
}

/* Rows, or elements, of all experts: those of the old ones, and copies of their parents'. */
static void copy_parents(const growing *g, const param *p, const real *old, real *values)
{
    const moe_config *now = &g->config.layer[p->layer].moe;
    int64_t each = param_is_vector(p) ? 1 : p->cols;
    for (int32_t e = 0; e < now->experts; e++)
        memcpy(values + e * each, old + parent_of(g, p->layer, e) * each,
            (size_t)each * sizeof *values);
}

static cadre_status make(void *arg, const param *p, real *values)
{
    const growing *g = arg;
    param from = derivation_param(&g->old, p->role, p->layer, -1);
    memset(values, 0, (size_t)(p->rows * p->cols) * sizeof *values);
    if (from.rows) {
        real *old = MEM_ARRAY(real, from.rows * from.cols);
        cadre_status status = old ? derivation_read(&g->old, &from, old) : CADRE_ENOMEM;
        if (status == CADRE_OK) copy_parents(g, p, old, values);
        mem_free(old);
        CADRE_TRY(status);
    }
    for (int32_t i = 0; param_is_vector(p) && i < bank_count(old_layer(g, p->layer)); i++)
        hold_back(g, p, i, values);
    return CADRE_OK;
}

/* ---- the whole model ---- */

static cadre_status write_grown(growing *g, const growth_run *run)
{
    CADRE_TRY(model_input_open(run->path, path_is_gguf(run->out), &g->old));
    CADRE_TRY(choose(g, run));
    const derivation d = { .config = &g->config,
        .inputs = &g->old,
        .count = 1,
        .origin = origin_of,
        .make = make,
        .arg = g };
    return derivation_write(run->context->compute, &d, run->out, &run->listener);
}

static cadre_status grow(
    growth_run *run, const cadre_output_listener *listener, cadre_growth *growth)
{
    growing g = { 0 };
    cadre_status status = growth_begin(run, listener, growth);
    if (status == CADRE_OK) status = write_grown(&g, run);
    model_config_free(&g.config);
    model_input_close(&g.old);
    if (status == CADRE_OK) status = growth_end(run, growth);
    growth_close(run);
    return status;
}

cadre_status cadre_grow(cadre_context *context, const char *model, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth)
{
    growth_run run = { .context = context, .path = model, .out = out, .options = options };
    CADRE_TRY(context_enter(context));
    return context_leave(context, grow(&run, listener, growth));
}
