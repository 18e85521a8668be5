/* plan.h - the routing plan: which token goes to which expert. Everything that a sparse layer does
 * is one of four steps on it:
 *
 *     route     tokens -> edges with weights                 router.h writes token_start,
 *                                                            edge_expert, edge_weight
 *     dispatch  edges -> rows grouped by expert, capacity    dispatch.h writes edge_row, first,
 *                                                            row_token, row_edge, counts
 *     compute   one grouped product over all experts' rows   experts.h reads first, row_token,
 *                                                            row_edge, edge_weight
 *     combine   rows -> weighted sum in token order          experts.h reads token_start, edge_row,
 *                                                            edge_weight
 *
 * An edge joins a token to an expert. An edge that a token chose is called a pick. A token may have
 * any number of edges, none included: a router that lets tokens choose gives each K, one that lets
 * experts choose gives a token as many as chose it. The same edges are stored in two orders: by
 * token, and (those that capacity kept) by expert, where each is a row of the grouped product.
 * Example: 3 tokens, 2 experts; token 0 chose both, token 1 is padding, token 2 chose expert 0:
 *
 *     token_start 0 2 2 3       first     0 2 3
 *     edge_expert 1 0 0         row_token 0 2 0       rows 0 and 1 are expert 0's,
 *     edge_row    2 0 1         row_edge  1 2 0       row 2 is expert 1's
 *
 * The backward pass, the balancing losses, the metrics and the reports read the same plan. Nothing
 * else describes routing, with one exception: Soft MoE, where every slot takes something of every
 * token, has weights of slots beside the plan (slots.h). */
#ifndef CADRE_MOE_PLAN_H
#define CADRE_MOE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/real.h"

/* An expert by its index among all experts of the layer. It has a type of its own, so that no other
 * index is taken for one. */
typedef struct gexp {
    int32_t id; /* 0..E-1; -1: none */
} gexp;

#define GEXP_NONE ((gexp){ -1 })

typedef struct plan {
    int64_t tokens;  /* T */
    int32_t experts; /* E */
    /* [T] borrowed; false: padding, which is routed nowhere and counted nowhere. NULL: all are
     * valid */
    const bool *valid;

    int64_t edges; /* N */
    /* [T + 1] first edge of each token; a token's edges are in descending order of selection
     * score */
    int64_t *token_start;
    gexp *edge_expert; /* [N] */
    real *edge_weight; /* [N] what the expert's output is multiplied with */
    int32_t *edge_row; /* [N] its row in expert order; -1: dropped */
    /* [N] the expert that it wanted and that was full; -1: none. NULL: no capacity limit */
    gexp *edge_lost;

    int64_t *load;      /* [E] edges that wanted the expert, before capacity */
    int64_t *kept;      /* [E] edges that it serves */
    int64_t rows;       /* R */
    int64_t *first;     /* [E + 1] first row of each expert */
    int32_t *row_token; /* [R] the token of each row; rows of one expert are in token order */
    int32_t *row_edge;  /* [R] the edge of each row; -1: a padded row, which contributes nothing */
    int64_t capacity;   /* rows an expert takes of the longest sequence; 0: no limit */
    int64_t dropped;    /* edges without a row */
    int64_t rerouted;   /* edges served by another expert than they wanted */

    /* [R, row_width] borrowed: what the experts put out in the last forward, without weights and
     * the biases of their last matrix; until the next layer is computed. NULL: ranks have only some
     * columns each. */
    const real *row_out;
    int64_t row_width;
} plan;

/* One entry of the report of what capacity did. */
typedef struct plan_loss {
    int64_t token;
    int32_t rank; /* which of the token's edges */
    gexp wanted;
    gexp instead; /* who serves it; -1: nobody, the edge was dropped */
} plan_loss;

/* The most that a plan holds. limited: a capacity may take edges away. */
typedef struct plan_limits {
    int64_t tokens, edges, rows;
    int32_t experts;
    bool limited;
} plan_limits;

/* Lays a plan out. a->base == NULL measures. */
void plan_layout(plan *p, arena *a, const plan_limits *most);

/* The token of an edge. */
int64_t plan_token_of(const plan *p, int64_t edge);

/* The next edge that lost its expert, from *cursor on (start with 0), in token order; false: no
 * more. */
bool plan_next_loss(const plan *p, int64_t *cursor, plan_loss *loss);

static inline bool plan_is_valid(const plan *p, int64_t token)
{
    return !p->valid || p->valid[token];
}

static inline int32_t plan_edges_of(const plan *p, int64_t token)
{
    return (int32_t)(p->token_start[token + 1] - p->token_start[token]);
}

/* Rows of one expert. */
static inline int64_t plan_rows_of(const plan *p, gexp e)
{
    return p->first[e.id + 1] - p->first[e.id];
}

#endif
