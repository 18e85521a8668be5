/* expert_placement.h - which of the ranks that divide experts hold which: evenly, or by how much
 * each was used before. */
#ifndef CADRE_MODEL_EXPERT_PLACEMENT_H
#define CADRE_MODEL_EXPERT_PLACEMENT_H

#include "model/model.h"

/* Places the experts of all layers as the context asks. Rank 0 reads how much they were used, and
 * tells the others. All ranks call it together, before weights are opened. */
cadre_status expert_placement_make(cadre_model *m);

/* How even a placement makes the ranks' work: over all layers, the rows of each layer's busiest
 * rank, divided by the mean of the ranks. 1 is even. */
typedef struct placement_balance {
    double now, then; /* as experts are placed, and as they would be */
} placement_balance;

/* use [experts of all sparse layers, one layer after another]. CADRE_EARGUMENT: the model was
 * opened without a placement that follows use. */
cadre_status expert_placement_weigh(
    const cadre_model *m, const double *use, placement_balance *found);
/* Places the experts anew by this use, between passes. All ranks call it together. Where one rank
 * fails, as for want of memory, all keep the experts that they have. */
cadre_status expert_placement_change(cadre_model *m, const double *use);

#endif
