/* rule.h - THE LIST of rules for adding experts to a router, and for removing some. A router that
 * has no row, or for which it cannot be done, is refused by name. */
#ifndef CADRE_GROW_RULE_H
#define CADRE_GROW_RULE_H

#include "moe/layer.h"

/* How a new expert is kept from being picked */
typedef enum growth_hold {
    HOLD_BY_BIAS,       /* by a bias far below 0 on its logit */
    HOLD_BY_CORRECTION, /* by a correction of its key far below all others' */
    HOLD_BY_BOTH        /* by both, as its logit has a part in the others' scores */
} growth_hold;

typedef struct growth_rule {
    const char *router;
    /* Why adding any expert would change the function; NULL: experts can be added, and the other
     * members say how. */
    const char *fixed;
    const char *indivisible; /* why none can be removed; NULL: they can be */
    /* What the weights of experts with logits of 0 sum to if they are not renormalised. 0: they
     * are; 1: K / E; 2: K / 2; -1: it depends on the token, or the weights do not multiply the
     * experts' outputs. */
    int sum;
    growth_hold hold;
    double lower; /* a correction this far below the lowest loses against every expert */
} growth_rule;

/* Whether experts can be added at all to a layer with this router. */
bool growth_rule_allows_adding(const router *r);

/* Refuses a router that is not in the list, one to which no expert can be added, and picks that are
 * limited to groups of experts. */
cadre_status growth_rule_of(const moe_config *moe, const char *where, const growth_rule **rule);

/* Refuses a router from which experts cannot be removed. */
cadre_status growth_rule_allows_pruning(const moe_config *moe, const char *where);

/* What the weights of a token sum to if the router's matrix is zero; *fixed: they always sum to
 * that. 0: it cannot be said. */
double growth_weight_sum(const growth_rule *rule, const moe_config *moe, bool *fixed);

#endif
