/* expert_frequency.h - how often each expert was used, in this run and in earlier ones, or in a
 * recording of routes. A store reads the experts that are used most before it runs.
 *
 * A run writes {"cadre_expert_use": 1, "tokens", "use": [L][E]}: for each streamed layer (one whose
 * experts a store reads), how many of the tokens used each expert. Earlier runs count less. */
#ifndef CADRE_STORE_EXPERT_FREQUENCY_H
#define CADRE_STORE_EXPERT_FREQUENCY_H

#include "store/policy.h"

typedef struct expert_frequency {
    policy_shape shape; /* borrowed */
    double tokens;
    double *use; /* [experts] of all layers */
} expert_frequency;

cadre_status expert_frequency_open(policy_shape shape, expert_frequency *u); /* all counts are 0 */
void expert_frequency_close(expert_frequency *u);                            /* zeroed is fine */

/* Reads such a file, or a recording of routes. Refuses a file of a model with other layers. */
cadre_status expert_frequency_read(const char *path, policy_shape shape, expert_frequency *u);
cadre_status expert_frequency_write(const expert_frequency *u, const char *path);

/* Counts the use of a layer's experts in a pass; rows [E of the layer]: rows of each expert */
void expert_frequency_add(expert_frequency *u, int64_t layer, const int32_t *rows, int64_t tokens);
/* Adds the counts of earlier runs, with a weight that falls with the number of tokens since
 * then. */
void expert_frequency_add_past(expert_frequency *u, const expert_frequency *past);

/* Sorts the indices of experts by falling use [experts]; the caller frees *order. */
cadre_status expert_frequency_order(const double *use, int32_t experts, int32_t **order);

#endif
