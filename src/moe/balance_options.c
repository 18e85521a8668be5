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

void balance_add_of_router(balance_options *o, const router *r, bool model)
{
    if (!r->loss || (r->loss_of_models && !model)) return;
    for (int i = 0; i < o->terms; i++)
        if (!strcmp(o->term[i].name, r->loss)) return;
    if (o->terms < BALANCE_MAX_TERMS)
        balance_add(o, r->loss, r->loss_coefficient, BALANCE_MICRO, BALANCE_LAYER);
}

bool balance_has_over(const balance_options *o, balance_over over)
{
    for (int i = 0; i < o->terms; i++)
        if (o->term[i].over == over) return true;
    return false;
}

bool balance_has_loss(const balance_options *o, const char *name)
{
    for (int i = 0; i < o->terms; i++)
        if (!strcmp(o->term[i].loss->name, name)) return true;
    return false;
}

bool balance_has_routing_loss(const balance_options *o)
{
    for (int i = 0; i < o->terms; i++)
        if (o->term[i].loss->routing) return true;
    return false;
}

static cadre_status check_routing_losses(const balance_options *o, const balance_layer *a)
{
    for (int i = 0; i < o->terms; i++) {
        const balance_term *t = &o->term[i];
        const routing_loss *loss = t->loss->routing;
        if (!loss) continue;
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

cadre_status balance_check(const balance *b, const balance_layer *layers)
{
    const balance_options *o = &b->options;
    for (int l = 0; l < b->layers; l++) {
        const balance_layer *a = &layers[l];
        for (int i = 0; i < o->terms; i++)
            if (o->term[i].form == BALANCE_POOLED && a->experts != layers[0].experts)
                return cadre_fail(CADRE_EARGUMENT, NULL,
                    "balancing over all layers' tokens in one pool wants the same number of "
                    "experts in every layer, found %d and %d",
                    layers[0].experts, a->experts);
        CADRE_TRY(check_routing_losses(o, a));
        if (balance_has_loss(o, "smooth-load") && !(a->router->traits & ROUTER_NOISE))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "balance-loss: smooth-load wants the router noisy-topk, found %s", a->router->name);
        if (a->experts % balance_devices(b))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "balancing over devices: expected a divisor of %d experts, found %d", a->experts,
                balance_devices(b));
    }
    return CADRE_OK;
}
