/* placement_change.h - places the experts of a model that ranks divide anew, by how many tokens
 * each took since the last time. */
#ifndef CADRE_INFER_PLACEMENT_CHANGE_H
#define CADRE_INFER_PLACEMENT_CHANGE_H

#include "cadre/batcher.h"
#include "infer/expert_load.h"
#include "model/model.h"

/* `load` counts all passes so far; `before` [S, E] what it counted when experts were placed last,
 * which is brought up to date. Between passes. */
cadre_status placement_change(
    cadre_model *m, const expert_load *load, int64_t *before, cadre_placed *placed);

#endif
