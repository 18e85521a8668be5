/* replay.h - a policy on picks that were recorded: what a store of so many slots would have had. */
#ifndef CADRE_STORE_REPLAY_H
#define CADRE_STORE_REPLAY_H

#include <stdbool.h>

#include "store/expert_heat.h"

typedef struct replay {
    policy_shape shape;
    int64_t visits;          /* of a layer by a token, in order */
    const int32_t *layer;    /* [visits] */
    const int64_t *start;    /* [visits + 1] into picks */
    const int32_t *picks;    /* [start[visits]] experts, numbered through all layers */
    const expert_heat *past; /* by which the store was filled; NULL: it begins empty */
} replay;

/* Picks that found their expert. NULL for row: the best possible of a store that begins empty. */
cadre_status replay_hits(const replay *r, const policy_row *row, int32_t slots, int64_t *hits);

#endif
