/* expert_heat.h - how much each expert was used: what a run leaves to later ones, and what a
 * recording of routes tells.
 *
 * A file that a run leaves is {"cadre_expert_use": 1, "tokens", "use": [L][E]}: of so many tokens,
 * how many used each expert of the layers that are read when they are needed. Older runs count
 * less. */
#ifndef CADRE_STORE_EXPERT_HEAT_H
#define CADRE_STORE_EXPERT_HEAT_H

#include "store/policy.h"

typedef struct expert_heat {
    policy_shape shape; /* borrowed */
    double tokens;
    double *use; /* [experts] of all layers */
} expert_heat;

cadre_status expert_heat_open(policy_shape shape, expert_heat *u); /* nothing was used yet */
void expert_heat_close(expert_heat *u);                            /* zeroed is fine */

/* Reads such a file, or a recording of routes. Refuses one of a model with other layers. */
cadre_status expert_heat_read(const char *path, policy_shape shape, expert_heat *u);
cadre_status expert_heat_write(const expert_heat *u, const char *path);

/* A visit of a layer by a pass; rows [E of the layer] */
void expert_heat_add(expert_heat *u, int64_t layer, const int32_t *rows, int64_t tokens);
/* Adds what was before, so that it counts the less the more came since. */
void expert_heat_add_past(expert_heat *u, const expert_heat *past);

/* use [experts]: the numbers of the experts, the most used first; the caller frees it. */
cadre_status expert_heat_order(const double *use, int32_t experts, int32_t **order);

#endif
