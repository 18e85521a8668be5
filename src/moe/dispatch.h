/* dispatch.h - from edges to rows grouped by expert, with or without a limit on how many an expert
 * takes.
 *
 * Without a limit (dropless) every edge gets a row. With one, an expert has C = ceil(factor * K * S
 * / E) slots, or a fixed number of them, for each sequence of S valid tokens, so what happens to a
 * token never depends on other sequences. */
#ifndef CADRE_MOE_DISPATCH_H
#define CADRE_MOE_DISPATCH_H

#include "base/status.h"
#include "kernel/compute.h"
#include "moe/plan.h"
#include "op/batch.h"

typedef enum dispatch_overflow {
    OVERFLOW_NONE,    /* no limit */
    OVERFLOW_DROP,    /* the edge is dropped: the token keeps what its other edges give */
    OVERFLOW_REROUTE, /* it goes to the token's next choice with a free slot; none: dropped */
    /* dropped, and free slots are filled up to C with rows that contribute nothing */
    OVERFLOW_PAD,
} dispatch_overflow;

typedef enum dispatch_priority {
    PRIORITY_CHOICE,      /* all first choices in token order, then all second ... (GShard) */
    PRIORITY_TOKEN,       /* token after token, its edges by rank */
    PRIORITY_PROBABILITY, /* the highest scores first; ties: earlier token, then lower rank */
    /* All first choices, then all second ..., each time those of the tokens with the highest best
     * score first (V-MoE's batch-prioritised routing) */
    PRIORITY_BATCH,
} dispatch_priority;

typedef struct dispatch_options {
    dispatch_overflow overflow;
    dispatch_priority priority;
    real factor;   /* capacity factor */
    int64_t slots; /* fixed capacity; 0: by factor */
    bool in_eval;  /* the limit holds in evaluation too (Switch as transformers has it) */
} dispatch_options;

cadre_status dispatch_check(const dispatch_options *o, const char *where);

/* ceil(factor * edges / experts), where a factor of 0.3 is three tenths, though no real is: 10
 * tokens of one expert get 3 slots, not 4. */
double dispatch_slots(real factor, int64_t edges, int64_t experts);

/* C of a sequence of `tokens`; at most that many, for no token has two edges to an expert. */
int64_t dispatch_capacity(
    const dispatch_options *o, int64_t tokens, int32_t picks, int32_t experts);

/* The most rows a plan can have. */
int64_t dispatch_max_rows(
    const dispatch_options *o, int64_t tokens, int64_t sequences, int32_t picks, int32_t experts);

/* Memory of one dispatch, laid out for `tokens` tokens in `sequences` sequences. */
typedef struct dispatch_scratch {
    int64_t *start;    /* [segments, E] a segment's first row of each expert */
    int64_t *used;     /* [B, E] slots taken */
    int64_t *capacity; /* [B] C of each sequence */
    int32_t *token;    /* [N] of each edge; NULL, as the next: not needed */
    int32_t *order;    /* [N] edges by priority */
    real *best_score;  /* [T] a token's highest score; NULL: not needed */
} dispatch_scratch;

void dispatch_layout(dispatch_scratch *s, arena *a, const dispatch_options *o, int64_t tokens,
    int64_t sequences, int32_t picks, int32_t experts);

typedef struct dispatching {
    compute *compute;
    const dispatch_options *options; /* NULL: no limit */
    const token_batch *batch;
    int32_t picks;     /* K: from which capacity is computed */
    const real *score; /* [T, E] what PRIORITY_PROBABILITY and PRIORITY_BATCH compare */
    const real *key;   /* [T, E] what OVERFLOW_REROUTE looks for the next choice in */
    dispatch_scratch *scratch;
} dispatching;

/* token_start, edge_expert -> everything else of the plan but the weights (and edge_expert, where
 * edges are rerouted). */
void dispatch(const dispatching *d, plan *p);

#endif
