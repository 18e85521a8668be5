/* pairs.h - how many tokens picked both of two experts, for every pair of a layer's. */
#ifndef CADRE_REPORT_PAIRS_H
#define CADRE_REPORT_PAIRS_H

#include <stdbool.h>

#include "report/shape.h"

#define PAIRS_CELLS ((int64_t)1 << 24) /* of all layers together; with more they are not counted */

typedef struct expert_pairs {
    int layers;
    int32_t **count; /* [layers] [E, E], the same both ways; NULL: not said, or too many */
    double *load;    /* [experts of all layers] picks */
} expert_pairs;

cadre_status expert_pairs_make(const model_shape *shape, expert_pairs *p); /* all 0 */
void expert_pairs_free(expert_pairs *p);

/* Adds a list an expert of how many tokens picked it together with each of the experts before it.
 */
cadre_status expert_pairs_read(
    const json_node *lists, const model_shape *shape, int s, expert_pairs *p);

#endif
