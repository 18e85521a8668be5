/* router.c - THE LIST of routers, and their options. */
#include "moe/router.h"

#include <string.h>

#include "moe/select.h"

static const router *const list[] = {
    &router_softmax,
    &router_softmax_renorm,
    &router_topk_softmax,
    &router_sigmoid_bias,
    &router_sigmoid_bias_raw,
    &router_sqrtsoftplus_bias,
    &router_softmax_bias,
    &router_noisy_topk,
    &router_top_p,
};
enum { LIST_COUNT = sizeof list / sizeof *list };

const router *const *router_list(int *count)
{
    *count = LIST_COUNT;
    return list;
}

const router *router_by_name(const char *name)
{
    for (int i = 0; i < LIST_COUNT; i++)
        if (!strcmp(list[i]->name, name)) return list[i];
    return NULL;
}

int64_t router_max_edges(const router_options *o, int64_t tokens) { return tokens * o->topk; }

/* ---- options ---- */

void router_defaults(const router *r, int32_t topk, router_options *o)
{
    *o = (router_options){
        .topk = topk, .groups = 1, .groups_used = 1, .scale = 1, .top_p = REAL_C(0.4)
    };
    if (r->defaults) r->defaults(o);
}

bool router_understands(const router *r, const char *option)
{
    for (const char *const *name = r->options; *name; name++)
        if (!strcmp(*name, option)) return true;
    return false;
}

static cadre_status check_groups(
    const router *r, const router_options *o, int64_t experts, const char *where)
{
    if (o->groups < 1 || o->groups > SELECT_MAX_GROUPS || experts % o->groups)
        return cadre_fail(CADRE_EARGUMENT, where,
            "groups: expected a divisor of %lld experts up to %d, found %d", (long long)experts,
            SELECT_MAX_GROUPS, o->groups);
    if (o->groups_used < 1 || o->groups_used > o->groups)
        return cadre_fail(CADRE_EARGUMENT, where, "groups-used: expected 1 to %d groups, found %d",
            o->groups, o->groups_used);
    if (experts / o->groups * o->groups_used < o->topk)
        return cadre_fail(CADRE_EARGUMENT, where,
            "groups-used: %d groups of %lld experts cannot hold %d picks", o->groups_used,
            (long long)(experts / o->groups), o->topk);
    if (select_is_grouped(o) && !router_understands(r, "groups"))
        return cadre_fail(
            CADRE_EARGUMENT, where, "groups: the router %s does not select by groups", r->name);
    return CADRE_OK;
}

cadre_status router_check(
    const router *r, const router_options *o, int64_t experts, const char *where)
{
    if (experts < 1 || experts > ROUTER_MAX_EXPERTS)
        return cadre_fail(CADRE_EARGUMENT, where, "experts: expected 1 to %d, found %lld",
            ROUTER_MAX_EXPERTS, (long long)experts);
    if (o->topk < 1 || o->topk > experts)
        return cadre_fail(CADRE_EARGUMENT, where,
            "topk: expected 1 to %lld, the number of experts, found %d", (long long)experts,
            o->topk);
    if (!(o->scale > 0) || !(o->scale < REAL_INF))
        return cadre_fail(CADRE_EARGUMENT, where,
            "route-scale: expected a positive number, found %g", (double)o->scale);
    if (!(o->jitter >= 0 && o->jitter < 1))
        return cadre_fail(CADRE_EARGUMENT, where,
            "jitter: expected at least 0 and less than 1, found %g", (double)o->jitter);
    if (!(o->top_p > 0 && o->top_p <= 1))
        return cadre_fail(CADRE_EARGUMENT, where,
            "top-p: expected more than 0, at most 1, found %g", (double)o->top_p);
    return check_groups(r, o, experts, where);
}

static bool renormalises(const router *r, const router_options *o)
{
    return (r->traits & ROUTER_RENORMALISES) ||
           (router_understands(r, "renormalise") && o->renormalise);
}

bool router_learns_nothing(const router *r, const router_options *o)
{
    return o->topk == 1 && renormalises(r, o);
}
