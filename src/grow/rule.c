/* rule.c - THE LIST of rules. docs/growing.md has the reasons. */
#include "grow/rule.h"

#include <string.h>

#include "moe/select.h"

static const growth_rule rules[] = {
    { "softmax", .sum = 1, .hold = HOLD_BY_BIAS, .copies = true },
    { "softmax-renorm", .hold = HOLD_BY_BIAS, .copies = true },
    { "topk-softmax", .hold = HOLD_BY_BIAS, .copies = true },
    { "noisy-topk", .hold = HOLD_BY_BIAS, .copies = true },
    /* Scores lie between 0 and 1 */
    { "sigmoid-bias", .hold = HOLD_BY_CORRECTION, .lower = 1.01, .copies = true },
    { "sigmoid-bias-raw", .sum = 2, .hold = HOLD_BY_CORRECTION, .lower = 1.01, .copies = true,
        .share_output = true },
    { "sqrtsoftplus-bias", .hold = HOLD_BY_CORRECTION, .lower = 1e9, .copies = true },
    { "softmax-bias", .sum = 1, .hold = HOLD_BY_BOTH, .lower = 1.01, .copies = true,
        .share_correction = true },
    /* The sum that it picks to may be reached between two copies */
    { "top-p", .sum = -1, .hold = HOLD_BY_BIAS },
};

cadre_status growth_rule_of(const moe_config *moe, const char *where, const growth_rule **rule)
{
    if (select_is_grouped(&moe->route))
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "expected a router that may pick any expert, found one that is limited to %d of %d "
            "groups",
            moe->route.groups_used, moe->route.groups);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!strcmp(rules[i].router, moe->router->name)) {
            *rule = &rules[i];
            return CADRE_OK;
        }
    return cadre_fail(CADRE_EUNSUPPORTED, where,
        "expected a router for which it is known how experts are added, found %s",
        moe->router->name);
}

double growth_weight_sum(const growth_rule *rule, const moe_config *moe, bool *fixed)
{
    bool renormalised =
        !rule->sum || (router_understands(moe->router, "renormalise") && moe->route.renormalise);
    double scale = (double)moe->route.scale, picks = moe->route.topk;
    *fixed = renormalised;
    if (renormalised) return scale;
    return rule->sum == 1 ? scale * picks / moe->experts : rule->sum == 2 ? scale * picks / 2 : 0;
}
