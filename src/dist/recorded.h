/* recorded.h - what a simulation replays: the routes of tokens, one by one, or the loads of a
 * training run's steps, which tell how many rows each expert had and not whose. */
#ifndef CADRE_DIST_RECORDED_H
#define CADRE_DIST_RECORDED_H

#include <stddef.h>

#include "report/shape.h"

typedef struct recorded {
    model_shape shape; /* of a training run, layers have no picks */
    int16_t *pick;     /* [tokens, shape.picks], -1: none; NULL: of a training run */
    size_t tokens, room;
    int64_t *load;        /* [steps, shape.experts] */
    int64_t *step_tokens; /* [steps] */
    size_t steps, load_room, step_room;
} recorded;

/* Reads a recording of routes (--routes), or the metrics of a training run: their file, or the
 * run's folder. */
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
