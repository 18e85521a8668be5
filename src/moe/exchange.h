/* exchange.h - a batch that ranks divide: rows travel to the ranks that hold their experts, and
 * what the experts make of them travels home, each by one all-to-all.
 *
 * A rank holds a run of neighbouring experts (base/share.h). Rows of a plan are grouped by expert,
 * so those for one rank lie together, and they arrive grouped by the rank that sent them:
 *
 *     received     rank 0: expert 4, 4, 5   rank 1: expert 4, 5, 5
 *     computed     expert 4: 0 1 3          expert 5: 2 4 5         (`source`)
 *
 * Ranks have the sequences of a batch in order, so an expert's rows are in the order of their
 * tokens among all, as they are where one rank has the whole batch: its gradients are the same
 * chains. The products gather the rows where they arrived.
 *
 * Where other ranks have the same tokens (batch_ranks), these divide the experts first, in runs:
 * each sends the rows of its run to the ranks of `comm` that divide it. What comes home is
 * gathered from all of them. With 2 of them and 3 ranks, the experts stand in this order:
 *
 *     slice 0: rank 0, 1, 2   slice 1: rank 0, 1, 2 */
#ifndef CADRE_MOE_EXCHANGE_H
#define CADRE_MOE_EXCHANGE_H

#include "base/comm.h"
#include "base/memory.h"
#include "moe/plan.h"
#include "op/batch.h"

typedef struct exchange {
    comm *comm, *slices;                 /* slices NULL: there is one */
    int32_t experts;                     /* with weights, of all ranks */
    int64_t row;                         /* the plan's first row of this slice */
    int32_t first, own;                  /* the first one of this rank, and how many it has */
    int64_t sent;                        /* rows of this rank's tokens, of this slice's experts */
    int64_t received;                    /* rows for this rank's experts */
    int64_t *count;                      /* [ranks, own] rows by the rank that sent them */
    int64_t *wanted;                     /* [experts] rows of this rank's tokens */
    int64_t *send_first, *receive_first; /* [ranks + 1] */
    int64_t *expert_first;               /* [own + 1] first row of each expert, as computed */
    int32_t *source;                     /* [received] where a row arrived */
    gexp *expert;                        /* [own] */
    real *x;                             /* [received, W] what the experts read */
    real *weight;                        /* [received] of backward, as it arrived */
    /* [rows] places of the rows' tokens in the step, as computed and as they travel */
    int64_t *token, *token_sent;
} exchange;

/* rows: the most that can arrive */
void exchange_layout(
    exchange *x, arena *a, int32_t ranks, int32_t experts, int64_t rows, int64_t width);

/* Tells every rank how many rows it gets: x's counts and orders, but not the rows. */
void exchange_begin(exchange *x, const batch_ranks *ranks, const plan *p, int32_t experts);

/* The first expert of rank r of `comm`, in this slice; with r = size, the end of the slice */
int64_t exchange_expert(const exchange *x, int r);

/* Brings rows of the plan, of which this slice has its own, together: [rows, width] */
void exchange_join(const exchange *x, const plan *p, size_t width, void *rows);

/* Rows [sent, width] to the ranks that have their experts, [received, width], as they arrive */
void exchange_out(const exchange *x, const void *rows, size_t width, void *arrived);
/* The same back: rows as they arrived, [received, width], to where they came from */
void exchange_home(const exchange *x, const void *arrived, size_t width, void *rows);

#endif
