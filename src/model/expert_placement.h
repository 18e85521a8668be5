/* expert_placement.h - which of the ranks that divide experts hold which: evenly, or by how much
 * each was used before. */
#ifndef CADRE_MODEL_EXPERT_PLACEMENT_H
#define CADRE_MODEL_EXPERT_PLACEMENT_H

#include "model/model.h"

/* Places the experts of all layers as the context asks. Rank 0 reads how much they were used, and
 * tells the others. All ranks call it together, before weights are opened. */
cadre_status expert_placement_make(cadre_model *m);

#endif
