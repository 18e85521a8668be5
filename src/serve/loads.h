/* loads.h - what the experts had to do in the last minute, from counts that only grow. */
#ifndef CADRE_SERVE_LOADS_H
#define CADRE_SERVE_LOADS_H

#include <stdint.h>

#include "arch/config.h"
#include "cadre/batcher.h"

enum { LOADS_KEPT = 12 }; /* counts, one every LOADS_SECONDS */
static const double LOADS_SECONDS = 5;

typedef struct loads_count {
    int64_t *rows;    /* [S, E] */
    int64_t *largest; /* [S] */
} loads_count;

typedef struct loads {
    cadre_batcher *batcher; /* borrowed */
    int64_t layers, experts, passes;
    int64_t *layer;               /* [S] which of the model's layers */
    int64_t *layer_experts;       /* [S] */
    loads_count kept[LOADS_KEPT]; /* of before, in a ring */
    loads_count now, shown;       /* shown: when loads_since_shown was called last */
    int at;                       /* where the oldest of the ring is */
    double next;                  /* when the next one is kept */
    int64_t *recent;              /* [S, E] rows of the last minute */
    int64_t *fresh;               /* [S, E] rows since they were shown last */
    double *max_ratio;            /* [S] */
    int64_t *dead;                /* [S] */
} loads;

cadre_status loads_open(cadre_batcher *batcher, const model_config *config, loads *l);
void loads_close(loads *l);

/* Asks the batcher; recent, max_ratio and dead are then of now. */
void loads_update(loads *l, double now);
/* fresh: since the last such call */
void loads_since_shown(loads *l);

#endif
