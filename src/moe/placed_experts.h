/* placed_experts.h - the experts' forward pass where ranks hold experts by a placement (spread.h),
 * not in runs of neighbours.
 *
 * A rank's rows are listed one after another, and the ranks' lists too, which is the order in which
 * they are gathered. Two ranks, of which rank 0 holds expert 2 and a copy of expert 0:
 *
 *     rows of the plan     0: 0 1 2 3    1: 4    2: 5 6
 *     gathered             rank 0: 0 1 5 6       rank 1: 2 3 4
 *
 * Each copy of an expert computes some neighbouring ones of its rows. Which, follows from the plan
 * alone, which all ranks have. A row is computed as it is in any other place, so that no placement
 * changes a bit. */
#ifndef CADRE_MOE_PLACED_EXPERTS_H
#define CADRE_MOE_PLACED_EXPERTS_H

#include "moe/experts.h"
#include "moe/spread.h"

enum { PLACED_MOST_OWNERS = 1024 };

typedef struct placed_scratch {
    int32_t *source; /* [R] the plan's row of each gathered one */
    int32_t *token;  /* [R] what this rank's rows read */
    int64_t *first;  /* [experts + 1] this rank's rows, by expert */
} placed_scratch;

/* As experts_forward; e->owners are the ranks, PLACED_MOST_OWNERS at most, that `s` has placed
 * e->among experts on. */
cadre_status placed_experts_forward(const expert_pass *e, const expert_spread *s,
    const placed_scratch *scratch, const real *x, real *out);

#endif
