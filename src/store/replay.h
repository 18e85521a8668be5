/* replay.h - replays recorded picks under a policy: how many hits a store of so many slots would
 * have had. */
#ifndef CADRE_STORE_REPLAY_H
#define CADRE_STORE_REPLAY_H

#include <stdbool.h>

#include "store/expert_frequency.h"

typedef struct replay {
    policy_shape shape;
    int64_t visits;               /* of layers by tokens, in order */
    const int32_t *layer;         /* [visits] */
    const int64_t *start;         /* [visits + 1] into picks */
    const int32_t *picks;         /* [start[visits]] experts, as policy_shape numbers them */
    const expert_frequency *past; /* by which the store was filled; NULL: it begins empty */
} replay;

/* Counts the picks whose expert was held. row NULL: the best possible for a store that begins
 * empty */
cadre_status replay_hits(const replay *r, const policy_row *row, int32_t slots, int64_t *hits);

#endif
