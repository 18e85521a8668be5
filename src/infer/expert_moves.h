/* expert_moves.h - experts of a model that ranks divide are placed anew by what they took since the
 * last time. */
#ifndef CADRE_INFER_EXPERT_MOVES_H
#define CADRE_INFER_EXPERT_MOVES_H

#include "cadre/batcher.h"
#include "infer/expert_load.h"
#include "model/model.h"

/* `load` counts all passes so far; `before` [S, E] what it counted when experts were placed last,
 * which is brought up to date. Between passes. */
cadre_status expert_moves_make(
    cadre_model *m, const expert_load *load, int64_t *before, cadre_placed *placed);

#endif
