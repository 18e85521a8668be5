/* rule.c - THE LIST of rules. docs/growing.md gives the reasons. */
#include "grow/rule.h"

#include <string.h>

#include "moe/select.h"

#define BY_MIXTURE "its experts take mixtures of all tokens, and a newcomer's slots a share of all"
#define BY_GROUP "its experts lie in groups of one size"
#define BY_TABLE "tokens of its table would lose their expert"
#define NO_NEWCOMER "no token of its table would ever take a newcomer"

static const growth_rule rules[] = {
    { "softmax", .sum = 1, .hold = HOLD_BY_BIAS },
    { "softmax-renorm", .hold = HOLD_BY_BIAS },
    { "topk-softmax", .hold = HOLD_BY_BIAS },
    { "noisy-topk", .hold = HOLD_BY_BIAS },
    /* Scores lie between 0 and 1. */
    { "sigmoid-bias", .hold = HOLD_BY_CORRECTION, .lower = 1.01 },
    { "sigmoid-bias-raw", .sum = 2, .hold = HOLD_BY_CORRECTION, .lower = 1.01 },
    { "sqrtsoftplus-bias", .hold = HOLD_BY_CORRECTION, .lower = 1e9 },
    { "softmax-bias", .sum = 1, .hold = HOLD_BY_BOTH, .lower = 1.01 },
    { "top-p", .sum = -1, .hold = HOLD_BY_BIAS },
    /* Outside of training the best logits win, and only those near the best have a weight. */
    { "base", .sum = -1, .hold = HOLD_BY_BIAS },
    { "sinkhorn", .sum = -1, .hold = HOLD_BY_BIAS },
    { "sparsemixer", .sum = -1, .hold = HOLD_BY_BIAS },
    { "sparsemixer-1", .sum = -1, .hold = HOLD_BY_BIAS },
    { "sigmoid-input", .sum = -1, .hold = HOLD_BY_BIAS },
    /* A logit below 0 is not picked. */
    { "relu", .sum = -1, .hold = HOLD_BY_BIAS },
    /* Every expert is picked, and weights sum to 1. */
    { "dense", .hold = HOLD_BY_BIAS },
    /* An expert takes as many tokens as before, whoever else does; newcomers weigh nothing. */
    { "expert-choice", .sum = -1, .hold = HOLD_BY_BIAS },
    { "soft", .fixed = BY_MIXTURE, .indivisible = "its experts take mixtures of all tokens" },
    /* Levels move in training alone, and give newcomers their share then. */
    { "threshold", .sum = -1, .hold = HOLD_BY_BIAS },
    { "quantile", .sum = -1, .hold = HOLD_BY_BIAS },
    { "cosine", .fixed = "its logits are cosines, which cannot be far below the others" },
    { "product", .fixed = "its experts fill a grid", .indivisible = "its experts fill a grid" },
    { "hierarchical", .fixed = BY_GROUP, .indivisible = BY_GROUP },
    { "hash", .fixed = NO_NEWCOMER, .indivisible = BY_TABLE },
    { "hash-next", .fixed = NO_NEWCOMER, .indivisible = BY_TABLE },
    { "multi-hash", .fixed = NO_NEWCOMER, .indivisible = BY_TABLE },
};

static const growth_rule *find(const router *r)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!strcmp(rules[i].router, r->name)) return &rules[i];
    return NULL;
}

bool growth_rule_allows_adding(const router *r)
{
    const growth_rule *found = find(r);
    return found && !found->fixed;
}

/* What counts a layer's experts besides their own parameters. */
static cadre_status check_form(const moe_config *moe, const char *where)
{
    if (moe_config_weightless(moe))
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "expected experts with weights alone, found %d without, which must stay the last",
            moe_config_weightless(moe));
    if (moe->route.residual)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "expected logits of each layer alone, found residual ones, which join every expert "
            "with every one of the layer before");
    return CADRE_OK;
}

cadre_status growth_rule_of(const moe_config *moe, const char *where, const growth_rule **rule)
{
    const growth_rule *found = find(moe->router);
    CADRE_TRY(check_form(moe, where));
    if (select_is_grouped(&moe->route))
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "expected a router that may pick any expert, found one that is limited to %d of %d "
            "groups",
            moe->route.groups_used, moe->route.groups);
    if (!found || found->fixed)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "expected a router for which it is known how experts are added, found %s%s%s",
            moe->router->name, found ? ": " : "", found ? found->fixed : "");
    *rule = found;
    return CADRE_OK;
}

cadre_status growth_rule_allows_pruning(const moe_config *moe, const char *where)
{
    const growth_rule *found = find(moe->router);
    CADRE_TRY(check_form(moe, where));
    if (found && !found->indivisible) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, where,
        "expected a router that can do without some of its experts, found %s%s%s",
        moe->router->name, found ? ": " : "", found ? found->indivisible : "");
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
