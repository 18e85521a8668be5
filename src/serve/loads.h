/* loads.h - the experts' loads in the last minute, computed from counters that only grow. */
#ifndef CADRE_SERVE_LOADS_H
#define CADRE_SERVE_LOADS_H

#include <stdint.h>

#include "arch/config.h"
#include "cadre/batcher.h"

enum { LOADS_KEPT = 12 }; /* copies of the counters, one every LOADS_SECONDS */
static const double LOADS_SECONDS = 5;

typedef struct loads_count {
    int64_t *rows;    /* [S, E] */
    int64_t *largest; /* [S] */
} loads_count;

typedef struct loads {
    cadre_batcher *batcher; /* borrowed */
    int64_t layers, experts, passes;
    int64_t *layer;               /* [S] the layer's number in the model */
    int64_t *layer_experts;       /* [S] */
    loads_count kept[LOADS_KEPT]; /* ring buffer of earlier counts */
    loads_count now, shown;       /* shown: the counts at the last call of loads_since_shown */
    int at;                       /* index of the oldest copy */
    double next;                  /* when the next copy is due */
    int64_t *recent;              /* [S, E] loads of the last minute */
    int64_t *fresh;               /* [S, E] loads between the last two calls of loads_since_shown */
    double *max_ratio;            /* [S] */
    int64_t *dead;                /* [S] */
} loads;

cadre_status loads_open(cadre_batcher *batcher, const model_config *config, loads *l);
void loads_close(loads *l);

/* Reads the batcher's counters and updates recent, max_ratio and dead. */
void loads_update(loads *l, double now);
/* Updates fresh: the loads since the last such call. */
void loads_since_shown(loads *l);

#endif
