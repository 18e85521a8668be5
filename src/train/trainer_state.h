/* trainer_state.h - what a trainer consists of, for its files:
 *
 *     trainer.c           makes it
 *     trainer_step.c      takes a step
 *     trainer_sums.c      the slots in which sums of leaves wait
 *     trainer_ranks.c     what ranks exchange in a step
 *     trainer_slices.c    columns of matrices of which ranks have rows
 *     trainer_collect.c   what they exchange for a checkpoint */
#ifndef CADRE_TRAIN_TRAINER_STATE_H
#define CADRE_TRAIN_TRAINER_STATE_H

#include "train/leaf_plan.h"
#include "train/rank_groups.h"
#include "train/trainer.h"

/* The decoder, or the encoder before it */
typedef struct stack {
    const model_config *config;
    int64_t length; /* tokens of a sequence */
    model_weights weights;
    model_gradients gradients;
    transformer *transformer;
    balance *balance;
    int32_t *inputs; /* [micro-batch] */
    int64_t *start;  /* [sequences of a micro-batch + 1] */
    /* [V, D] the gradient of an embedding that others share, until the step's end: sums over
     * tokens, each in its own order. NULL: nobody shares it */
    real *embedding;
    /* How a micro-batch sums the gradients of dense parameters */
    leaf_list leaves;
    leaf_run run[LEAF_RUNS];
    int64_t leaf_start[LEAVES_MOST + 1];
} stack;

enum { DECODER, ENCODER, STACKS };

struct trainer {
    compute *c;
    int workers;
    rank_groups groups;
    comm *world;         /* of groups */
    model_config config; /* with sparse layers as they train */
    model_config share;  /* the same with this rank's heads; .layers 0: it has all */
    train_settings settings;
    arena memory;
    param_table table;
    real *values, *gradient; /* [elements] */
    /* [V, D] the gradient of a tied head until the step's end, like a stack's `embedding` */
    real *head_gradient;
    leaf_plan plan;
    /* Of matrices of which this rank has some rows [table.count]; the columns of them that it
     * multiplies by, and where own rows are packed; NULL: it has all rows */
    weight_slice *slices;
    real *columns, *packed;
    /* Where ranks divide the batch: elements of parameters that are no experts, which come first;
     * the slice of them that each rank owns [ranks + 1]; the first sequence of each rank in the
     * micro-batch [ranks + 1]; slices of nodes that have arrived; all ranks' losses */
    int64_t dense, first[BATCH_RANKS + 1], first_sequence[BATCH_RANKS + 1];
    batch_ranks ranks;
    param_table whole; /* of the model; empty if there is one rank */
    real *arrived, *all_losses;
    int64_t most_slice; /* elements, for which `arrived` has room */
    /* Sums of leaves that wait: those of slot 0 are in `gradient` and head_gradient, those of the
     * others `slot_size` elements apart in `waiting`, as far from each other as those are. */
    real *waiting;
    int64_t slot_size, head_size;
    int64_t slot_first; /* the first element of a slot, counted from that of `gradient` */
    leaf_sums sums;     /* of the step so far */
    leaf_part part;     /* the micro-batch that runs */
    stack stacks[STACKS];
    int count; /* of stacks */
    optimizer *optimizer;
    int32_t *texts;   /* [micro-batch] as they were fed; NULL: the decoder reads them */
    int32_t *targets; /* [micro-batch] of the decoder, with room for as many as were fed */
    real *losses;     /* [micro-batch] */
};

/* Whether its gradient is a sum along the tree of leaves. That of experts and of the embedding is
 * one chain. */
static inline bool trainer_sums_leaves(const param *p)
{
    return p->kind != PARAM_STATE && p->role != ROLE_EMBED && !param_is_expert(p->role);
}

static inline const param *trainer_embedding(const trainer *t)
{
    const param *p = t->table.rows;
    while (p->role != ROLE_EMBED) p++;
    return p;
}

/* Elements of the rows of the embedding, and of a tied head, that are here */
static inline int64_t trainer_embedded(const trainer *t)
{
    const param *p = trainer_embedding(t);
    return p->rows * p->cols;
}

/* ---- trainer_sums.c ---- */

/* The first element of a slot, counted from that of slot 0 */
int64_t trainer_place_of_slot(const trainer *t, int64_t slot);
void trainer_begin_leaves(trainer *t); /* says how the stacks sum the gradients of t->part */
void trainer_join_leaves(trainer *t);  /* adds the sums of two halves of nodes, as t->part says */
leaf_sums trainer_sums_of(const trainer *t, int rank); /* after the last part */

/* ---- trainer_slices.c ---- */

cadre_status trainer_check_slices(const trainer *t);
void trainer_layout_slices(trainer *t, arena *a);
/* At the beginning of a step: every rank gets its columns of the values of all rows. */
void trainer_spread_columns(trainer *t);

/* ---- trainer_ranks.c ---- */

void trainer_place_experts_last(param_table *table, int64_t *dense);
cadre_status trainer_check_ranks(const trainer *t);
/* After the last part: this rank's slice of the sums of all ranks */
void trainer_gather_gradients(trainer *t);
void trainer_gather_losses(trainer *t); /* of a micro-batch, into all_losses */
void trainer_spread_values(trainer *t); /* after the optimiser's step */

#endif
