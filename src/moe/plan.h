/* plan.h - the routing plan: who goes where. Everything that a sparse layer does is one of four steps on it:
 *
 *     route     tokens -> picks and weights                  router.h writes pick, weight
 *     dispatch  picks -> rows grouped by expert, capacity    dispatch.h writes slot, first, row_token, row_pick, counts
 *     compute   one grouped product over all experts' rows   experts.h reads first, row_token, row_pick, weight
 *     combine   rows -> weighted sum in token order          experts.h reads slot, weight
 *
 * The backward pass, the balancing losses, the metrics and the reports read the same plan; nothing else describes routing. */
#ifndef CADRE_MOE_PLAN_H
#define CADRE_MOE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/real.h"

/* Two kinds of expert id that the compiler keeps apart. */
typedef struct gexp {
    int32_t id; /* 0..E-1 among all experts of the layer; -1: none */
} gexp;
typedef struct lexp {
    int32_t id; /* 0..n-1 among the experts that this rank holds */
} lexp;

#define GEXP_NONE ((gexp){ -1 })

/* Which tokens belong together: capacity and balance may hold within each sequence. */
typedef struct moe_sequences {
    int64_t count;        /* B */
    const int64_t *start; /* [B + 1] first token of each; start[B] = T */
} moe_sequences;

typedef struct plan {
    int64_t tokens;     /* T */
    int32_t experts;    /* E */
    int32_t picks;      /* K, the most picks a token can have */
    const bool *valid;  /* [T] borrowed; false: padding, which is routed nowhere and counted nowhere. NULL: all are valid */

    gexp *pick;         /* [T, K] by rank: descending selection score; -1: this token has fewer picks */
    real *weight;       /* [T, K] what the expert's output is multiplied with; 0 where there is no pick */
    int32_t *slot;      /* [T, K] the pick's row in expert order; -1: dropped, or no pick */
    gexp *lost;         /* [T, K] the expert that this pick wanted and that was full; -1: none. NULL: no capacity limit */

    int64_t *load;      /* [E] picks that wanted the expert, before capacity */
    int64_t *kept;      /* [E] picks that it serves */
    int64_t *first;     /* [E + 1] first row of each expert */
    int32_t *row_token; /* [R] the token of each row; rows of one expert are in token order */
    int32_t *row_pick;  /* [R] t * K + k, where the row's weight stands; -1: a padded row, which contributes nothing */
    int64_t rows;       /* R */
    int64_t capacity;   /* slots an expert of the longest sequence; 0: no limit */
    int64_t dropped;    /* picks without a slot */
    int64_t rerouted;   /* picks served by another expert than they wanted */
} plan;

/* One entry of the report of what capacity did. */
typedef struct plan_loss {
    int64_t token;
    int32_t rank;  /* which of the token's picks */
    gexp wanted;
    gexp instead;  /* who serves it; -1: nobody, the pick was dropped */
} plan_loss;

/* Lays a plan out for at most `tokens` tokens and `rows` rows; limited: room for `lost`. a->base == NULL measures. */
void plan_layout(plan *p, arena *a, int64_t tokens, int32_t experts, int32_t picks, int64_t rows, bool limited);

/* The next pick that lost its expert, from *cursor on (start with 0), in token order; false: no more. */
bool plan_next_loss(const plan *p, int64_t *cursor, plan_loss *loss);

static inline bool plan_is_valid(const plan *p, int64_t token) { return !p->valid || p->valid[token]; }

/* Rows of one expert. */
static inline int64_t plan_rows_of(const plan *p, gexp e) { return p->first[e.id + 1] - p->first[e.id]; }

#endif
