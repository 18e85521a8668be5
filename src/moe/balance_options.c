/* balance_options.c - which balancing losses there are, and whether layers can have them. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "moe/balance_state.h"

void balance_add(
    balance_options *o, const char *loss, double coefficient, balance_over over, balance_form form)
{
    if (coefficient == 0) return;
    assert(o->terms < BALANCE_MAX_TERMS && balance_loss_by_name(loss));
    balance_term *t = &o->term[o->terms++];
    *t = (balance_term){ balance_loss_by_name(loss), coefficient, over, form, "", "" };
    const char *type = strchr(loss, '.');
    snprintf(t->name, sizeof t->name, "%s", loss);
    if (type) snprintf(t->type_name, sizeof t->type_name, "%s", type + 1);
}

/* The loss that a router asks for by itself; NULL: none. */
static const char *loss_of(const router *r, bool model)
{
    return r->loss_of_models && !model ? NULL : r->loss;
}

/* Adds the router's loss if no term has its name, and says whether it did. */
static bool add_of_router(balance_options *o, const router *r, bool model)
{
    int before = o->terms;
    if (!loss_of(r, model) || o->terms == BALANCE_MAX_TERMS) return false;
    for (int i = 0; i < o->terms; i++)
        if (!strcmp(o->term[i].name, r->loss)) return false;
    bool of_set = balance_loss_by_name(r->loss)->value != NULL;
    balance_add(o, r->loss, r->loss_coefficient, of_set ? o->over : BALANCE_MICRO, BALANCE_LAYER);
    return o->terms > before;
}

/* Gives the layer coefficients of its own: those that it has. */
static void own_coefficients(const balance_options *o, int terms, balance_coefficients *own)
{
    if (own->given) return;
    *own = (balance_coefficients){ true, .z_loss = o->z_loss, .bias_rate = o->bias_rate };
    for (int i = 0; i < terms; i++) own->term[i] = o->term[i].coefficient;
}

/* The last term is the loss of some layers' routers, and the others do not have it. */
static void limit_last_term(const balance_options *o, balance_layer *layers, int count, bool model)
{
    const balance_term *last = &o->term[o->terms - 1];
    for (int l = 0; l < count; l++) {
        const char *asked = loss_of(layers[l].router, model);
        bool has = asked && !strcmp(asked, last->name);
        if (!has) own_coefficients(o, o->terms - 1, &layers[l].own);
        layers[l].own.term[o->terms - 1] = has ? last->coefficient : 0;
    }
}

void balance_add_of_routers(balance_options *o, balance_layer *layers, int count, bool model)
{
    for (int l = 0; l < count; l++)
        if (add_of_router(o, layers[l].router, model)) limit_last_term(o, layers, count, model);
}

bool balance_has_over(const balance_options *o, balance_over over)
{
    for (int i = 0; i < o->terms; i++)
        if (o->term[i].over == over) return true;
    return false;
}

bool balance_has_loss(const balance_options *o, const balance_layer *a, const char *name)
{
    for (int i = 0; i < o->terms; i++)
        if (balance_coefficient(o, &a->own, i) != 0 && !strcmp(o->term[i].loss->name, name))
            return true;
    return false;
}

bool balance_has_routing_loss(const balance_options *o, const balance_layer *a)
{
    for (int i = 0; i < o->terms; i++)
        if (balance_coefficient(o, &a->own, i) != 0 && o->term[i].loss->routing) return true;
    return false;
}

static cadre_status check_routing_losses(const balance_options *o, const balance_layer *a)
{
    for (int i = 0; i < o->terms; i++) {
        const balance_term *t = &o->term[i];
        const routing_loss *loss = t->loss->routing;
        if (!loss || balance_coefficient(o, &a->own, i) == 0) continue;
        const char *why = loss->refuses ? loss->refuses(a) : NULL;
        if (why) return cadre_fail(CADRE_EARGUMENT, NULL, "losses: %s %s", t->name, why);
        if (t->over != BALANCE_MICRO || t->form == BALANCE_POOLED)
            return cadre_fail(CADRE_EUNSUPPORTED, NULL,
                "losses: %s is taken over each part of the batch and layer alone", t->name);
        if (loss->by_type && (!a->types || token_type_by_name(a->types, t->type_name) < 0))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "losses: %s: expected the name of a type of token behind the dot, as types names "
                "them",
                t->name);
    }
    return CADRE_OK;
}

/* The losses of sets that some routers alone can have */
static cadre_status check_routers(const balance_options *o, const balance_layer *a)
{
    if (balance_has_loss(o, a, "smooth-load") && !(a->router->traits & ROUTER_NOISE))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "losses: smooth-load wants a router with learned noise, noisy-topk or "
            "hierarchical; found %s",
            a->router->name);
    for (int i = 0; i < o->terms; i++) {
        if (strcmp(o->term[i].name, "l1") || balance_coefficient(o, &a->own, i) == 0) continue;
        if (!a->router->loss || strcmp(a->router->loss, "l1"))
            return cadre_fail(CADRE_EARGUMENT, NULL, "losses: l1 belongs to router relu");
        if (o->term[i].form == BALANCE_POOLED)
            return cadre_fail(CADRE_EUNSUPPORTED, NULL,
                "losses: l1 is taken over each layer alone, as each has its own coefficient");
    }
    return CADRE_OK;
}

/* All layers' tokens in one pool have one loss, of as many experts. */
static cadre_status check_pool(
    const balance_options *o, const balance_layer *a, const balance_layer *first)
{
    for (int i = 0; i < o->terms; i++) {
        double coefficient = balance_coefficient(o, &a->own, i),
               others = balance_coefficient(o, &first->own, i);
        if (o->term[i].form != BALANCE_POOLED) continue;
        if (a->experts != first->experts)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "balancing over all layers' tokens in one pool wants the same number of experts "
                "in every layer, found %d and %d",
                first->experts, a->experts);
        if (coefficient != others)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "balancing over all layers' tokens in one pool wants one coefficient, found %g and "
                "%g",
                others, coefficient);
    }
    return CADRE_OK;
}

cadre_status balance_check(const balance *b, const balance_layer *layers)
{
    const balance_options *o = &b->options;
    for (int l = 0; l < b->layers; l++) {
        const balance_layer *a = &layers[l];
        CADRE_TRY(check_pool(o, a, layers));
        CADRE_TRY(check_routing_losses(o, a));
        CADRE_TRY(check_routers(o, a));
        if (a->experts % balance_devices(b))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "balancing over devices: expected a divisor of %d experts, found %d", a->experts,
                balance_devices(b));
    }
    return CADRE_OK;
}
