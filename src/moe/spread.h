/* spread.h - which ranks hold which experts of a layer: evenly, by load, or with replicas of the
 * busiest (as DeepSeek's EPLB does). */
#ifndef CADRE_MOE_SPREAD_H
#define CADRE_MOE_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef enum spread_kind {
    SPREAD_EVEN,
    SPREAD_BALANCED,
    SPREAD_REPLICATED,
    SPREAD_KINDS
} spread_kind;

/* By a word of cadre_placement_name's; false: none has this word */
bool spread_kind_by_word(const char *word, spread_kind *kind);

/* Experts of one layer on ranks. Copy c of expert e is copies first[e] .. first[e + 1] - 1. */
typedef struct expert_spread {
    int experts, ranks;
    int *first; /* [experts + 1] */
    int *rank;  /* [first[experts]] */
} expert_spread;

/* load [experts]: rows that each had; replicas: further copies, of REPLICATED alone */
cadre_status spread_make(
    spread_kind kind, int experts, int ranks, int replicas, const int64_t *load, expert_spread *s);
void spread_free(expert_spread *s);

bool spread_has(const expert_spread *s, int64_t expert, int rank);

#endif
