/* recorded.h - the recording that a simulation replays: the routes of single tokens, or the loads
 * of a training run's steps, which say how many rows each expert had but not which tokens these
 * were. */
#ifndef CADRE_DIST_RECORDED_H
#define CADRE_DIST_RECORDED_H

#include <stddef.h>

#include "report/shape.h"

typedef struct recorded {
    model_shape shape; /* layers of a training run have no picks */
    int16_t *pick;     /* [tokens, shape.picks], -1: none; NULL for a training run */
    size_t tokens, room;
    int64_t *load;        /* [steps, shape.experts] */
    int64_t *step_tokens; /* [steps] */
    size_t steps, load_room, step_room;
} recorded;

/* Reads a recording of routes (--routes), or the metrics of a training run, given as their file or
 * the run's folder. */
cadre_status recorded_read(const char *path, recorded *r);
void recorded_free(recorded *r);

static inline const int16_t *recorded_picks(
    const recorded *r, size_t token, const shape_layer *layer)
{
    return r->pick + token * (size_t)r->shape.picks + layer->first_pick;
}
static inline const int64_t *recorded_loads(
    const recorded *r, size_t step, const shape_layer *layer)
{
    return r->load + step * (size_t)r->shape.experts + layer->first_expert;
}

#endif
