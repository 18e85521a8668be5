/* rule.h - THE LIST of what adding experts asks of a router, so that a model still computes what it
 * computed: a router that is not in it is refused by name. */
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
    /* What weights of experts whose logits are all 0 sum to, where they are not made to sum to 1:
     * 0: they are; 1: K / E; 2: K / 2; -1: it depends on the token */
    int sum;
    growth_hold hold;
    double lower; /* a correction this far below the lowest loses against every expert */
    /* m copies of every expert, and m times as many picks, change nothing, ... */
    bool copies;
    bool share_correction; /* ... where corrections are divided by m ... */
    bool share_output;     /* ... and what experts put out */
} growth_rule;

/* Refused where the router is not in the list, or limits picks to groups of experts. */
cadre_status growth_rule_of(const moe_config *moe, const char *where, const growth_rule **rule);

/* What the weights of a token sum to where the router's matrix is zero, as they always do where
 * *fixed; 0: it cannot be said. */
double growth_weight_sum(const growth_rule *rule, const moe_config *moe, bool *fixed);

#endif
