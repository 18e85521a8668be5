/* rule.h - THE LIST of what adding experts, and taking some away, asks of a router: one that is not
 * in it, or for which it cannot be done, is refused by name. */
#ifndef CADRE_GROW_RULE_H
#define CADRE_GROW_RULE_H

#include "moe/layer.h"

/* How a newcomer is kept from being picked. */
typedef enum growth_hold {
    HOLD_BY_BIAS,       /* a bias far below 0 on its logit */
    HOLD_BY_CORRECTION, /* a correction of its key far below all others' */
    HOLD_BY_BOTH        /* its logit has a part in the others' scores */
} growth_hold;

typedef struct growth_rule {
    const char *router;
    /* Why no expert can be added so that the function stays; NULL: it can. The other members say
     * how */
    const char *fixed;
    const char *indivisible; /* why none can be taken away; NULL: it can */
    /* What weights of experts whose logits are all 0 sum to, where they are not made to sum to 1:
     * 0: they are; 1: K / E; 2: K / 2; -1: it depends on the token, or weights are not factors of
     * what experts put out */
    int sum;
    growth_hold hold;
    double lower; /* a correction this far below the lowest loses against every expert */
} growth_rule;

/* Whether experts can be added to a layer with this router at all. */
bool growth_rule_allows_adding(const router *r);

/* Refused where the router is not in the list, no expert can be added, or picks are limited to
 * groups of experts. */
cadre_status growth_rule_of(const moe_config *moe, const char *where, const growth_rule **rule);

/* Refused where experts cannot be taken away. */
cadre_status growth_rule_allows_pruning(const moe_config *moe, const char *where);

/* What the weights of a token sum to where the router's matrix is zero, as they always do where
 * *fixed; 0: it cannot be said. */
double growth_weight_sum(const growth_rule *rule, const moe_config *moe, bool *fixed);

#endif
