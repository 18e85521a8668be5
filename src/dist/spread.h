/* spread.h - which ranks hold which experts of a layer: evenly, by load, or with replicas of the
 * busiest (as DeepSeek's EPLB does). */
#ifndef CADRE_DIST_SPREAD_H
#define CADRE_DIST_SPREAD_H

#include <stdint.h>

#include "base/status.h"

typedef enum spread_kind { SPREAD_EVEN, SPREAD_BALANCED, SPREAD_REPLICATED } spread_kind;

/* Experts of one layer on ranks. Copy c of expert e is copies first[e] .. first[e + 1] - 1. */
typedef struct spread {
    int experts, ranks;
    int *first; /* [experts + 1] */
    int *rank;  /* [first[experts]] */
} spread;

/* load [experts]: rows that each had; replicas: further copies, of REPLICATED alone */
cadre_status spread_make(
    spread_kind kind, int experts, int ranks, int replicas, const int64_t *load, spread *s);
void spread_free(spread *s);

#endif
