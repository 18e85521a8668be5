/* pairs.h - for every pair of a layer's experts, how many tokens picked both. */
#ifndef CADRE_REPORT_PAIRS_H
#define CADRE_REPORT_PAIRS_H

#include <stdbool.h>

#include "report/shape.h"

#define PAIRS_CELLS ((int64_t)1 << 24) /* of all layers; pairs are not counted if there are more */

typedef struct expert_pairs {
    int layers;
    int32_t **count; /* [layers] [E, E], symmetric; NULL: not said, or too many */
    double *load;    /* [experts of all layers] picks */
} expert_pairs;

cadre_status expert_pairs_make(const model_shape *shape, expert_pairs *p); /* all 0 */
void expert_pairs_free(expert_pairs *p);

/* Adds, for each expert, the list of how many tokens picked it together with each expert before
 * it. */
cadre_status expert_pairs_read(
    const json_node *lists, const model_shape *shape, int s, expert_pairs *p);

#endif
