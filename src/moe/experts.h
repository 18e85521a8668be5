/* experts.h - the experts' arithmetic over rows grouped by expert, and the weighted sum back into
 * token order.
 *
 *     pre  [R, inputs * H] = x Wg^T + bg, x Wu^T + bu    x is gathered by row; gate and up of a
 *                                                        row are side by side
 *     act  [R, H]          = form(gate, up), dropped out in training
 *     out  [R, D]          = act Wd^T
 *     y_t                  = sum over the token's edges i, by rank, of
 *                            edge_weight[i] * (out[edge_row[i]] + bd)
 *
 * The backward pass needs only pre: with dact = dy Wd it has dweight = <act, dact>, and act is
 * computed again while pre is in the cache. The rows of an expert are in token order, so that a
 * weight gradient is one chain over tokens, which the next micro-batch continues. A shared expert,
 * or any dense feed-forward, is one expert whose rows are the tokens. */
#ifndef CADRE_MOE_EXPERTS_H
#define CADRE_MOE_EXPERTS_H

#include "base/random.h"
#include "kernel/compute.h"
#include "kernel/gemm.h"
#include "kernel/rows.h"
#include "moe/expert_source.h"
#include "op/gather.h"
#include "op/leaves.h"

typedef struct expert_gradients {
    /* [experts] each; NULL: the matrices are not trained, as with pairs beside them */
    real *const *gate, *const *up, *const *down;
    bool joined;                                                /* as the weights are */
    real *const *gate_bias, *const *up_bias, *const *down_bias; /* NULL where weights have none */
    bool accumulate;                                            /* all are added to; else written */
    const leaf_list *leaves; /* of an expert whose rows are the tokens; NULL: one chain */
} expert_gradients;

/* Rows grouped by local expert. */
typedef struct expert_rows {
    int32_t experts;
    const int64_t *first; /* [experts + 1] */
    const int32_t *token; /* [R]; NULL: row r is token r */
    const int32_t *edge;  /* [R] where the row's weight stands, -1: nowhere, it is 0; NULL: at r */
    const real *weight;   /* NULL: every weight is 1 */
    bool x_by_row;        /* x is [R, D], gathered before; else [T, D] */
    bool dy_by_row;       /* so is dy */
} expert_rows;

/* Dropout: zeroes each element of act with this probability and scales the others up. The random
 * numbers are a function of the token's index in the step, of the expert's among all of the layer,
 * and of the element's. Which rank holds the expert, and the other rows, change nothing. */
typedef struct expert_dropout {
    double chance; /* 0: none */
    random_key key;
    int32_t experts;      /* E, of the layer */
    const gexp *expert;   /* [experts of the rows]; NULL: they are all of the layer */
    int64_t first_token;  /* place of token 0 in the step */
    const int64_t *token; /* [R] places of the rows' tokens; NULL: first_token + the row's token */
} expert_dropout;

/* What of the output a rank has after a forward pass, where ranks divide each matrix. A sum over
 * rows can be taken of own columns first, so that sums are gathered, which are fewer. */
typedef enum output_columns {
    COLUMNS_GATHERED, /* all columns: out is [R, D] */
    COLUMNS_IN_PLACE, /* its own columns alone, in their places in [R, D] */
    COLUMNS_PACKED    /* its own columns alone: out is [R, own] */
} output_columns;

typedef struct expert_pass {
    compute *compute;
    const expert_weights *weights; /* as they were opened */
    expert_source *source;         /* of forward; NULL: the weights are readable as they are */
    const plan *plan;              /* for the source; NULL: of a shared expert */
    int32_t layer;                 /* for the source */
    const row_activation *form;
    real limit;
    int64_t width, hidden; /* D, H */
    /* Both join the ranks that divide the experts' work; NULL: this one does it all. In `tensor`
     * they have some rows each of every matrix: own_hidden of H; where `keeps`, a backward pass
     * follows, which gathers pre, so that it has room for all ranks' columns. In `owners`, forward
     * only, they have some experts each, which are shared out among `among` (0: these experts), of
     * which `among_first` come before the first of this pass. */
    const column_gather *tensor;
    comm *owners;
    int64_t own_hidden; /* 0: H */
    bool keeps;
    int32_t among, among_first;
    output_columns columns; /* of forward */
    expert_rows rows;
    expert_dropout dropout;
    real *pre;         /* [R, inputs * H] of forward for backward, which spends it */
    real *act;         /* [R, H] scratch */
    gemm_group *group; /* [2 * experts] scratch */
    int32_t *wanted;   /* [experts] scratch of forward */
} expert_pass;

/* x [T, D] -> pre, out [R, D], or what `columns` says. out has no down bias: combine adds it. Fails
 * where the source does, and leaves nothing acquired. */
cadre_status experts_forward(const expert_pass *e, const real *x, real *out);

/* dy [T, D] -> gradients of the weights, dweight by edge (NULL: not wanted), dx_rows [R, D] (added,
 * or overwritten). */
void experts_backward(const expert_pass *e, const real *x, const real *dy,
    const expert_gradients *g, real *dweight, real *dx_rows, bool add_dx);

/* y_t = (base ? base_scale[t] * y_t : 0) + the sum above; base_scale NULL: 1. Only `own` columns
 * from `first` on are summed, which out has alone. */
typedef struct combination {
    compute *compute;
    const plan *plan;
    int64_t width;
    int64_t first, own;           /* columns; of one process 0 and D */
    const real *const *down_bias; /* [biased] of [D]; NULL: none */
    int32_t biased;               /* experts behind these have no weights, nor a bias */
    bool base;
    const real *base_scale; /* [T] */
    bool unweighted;        /* weights were applied to what the experts read */
} combination;

void experts_combine(const combination *c, const real *out /* [R, own] */, real *y /* [T, D] */);

/* dx_t += the sum over the token's edges, by rank, of dx_rows[edge_row[i]] */
void experts_scatter(compute *c, const plan *p, int64_t width, const real *dx_rows, real *dx);

#endif
