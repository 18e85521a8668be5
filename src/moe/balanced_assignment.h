/* balanced_assignment.h - tokens to experts, each expert with at most `most` of them, so that the
 * sum of affinities is largest. */
#ifndef CADRE_MOE_BALANCED_ASSIGNMENT_H
#define CADRE_MOE_BALANCED_ASSIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

typedef struct balanced_problem {
    int64_t tokens;
    int32_t experts;
    int64_t most;         /* tokens of an expert; enough for all valid ones */
    const real *affinity; /* [tokens, experts] finite */
    const bool *valid;    /* [tokens] false: left out; NULL: none is */
} balanced_problem;

size_t balanced_assignment_bytes(int32_t experts);

/* expert [tokens]: -1 where a token was left out. scratch: balanced_assignment_bytes, aligned for
 * doubles. */
void balanced_assign(const balanced_problem *p, void *scratch, int32_t *expert);

#endif
