/* leaf_plan.h - the leaves of a step (op/leaves.h): how many a batch has, which of them a
 * micro-batch of a rank computes, and in which slot each partial sum is kept until it is added to
 * another.
 *
 * A slot is as large as all dense gradients. One rank needs one slot for one micro-batch, and about
 * log2 N more for N of them. Each of several ranks keeps, for every micro-batch, the sums of the
 * nodes whose other halves another rank has: at most as many as it has leaves. */
#ifndef CADRE_TRAIN_LEAF_PLAN_H
#define CADRE_TRAIN_LEAF_PLAN_H

#include "base/status.h"
#include "op/leaves.h"

enum { LEAF_RUNS = 16, LEAF_NODES = LEAVES_MOST };

typedef struct leaf_plan {
    int64_t batch;         /* sequences of a step */
    int64_t micro_batches; /* of a step */
    int32_t leaves;
    int32_t rank, ranks; /* which divide the sequences of every micro-batch */
} leaf_plan;

/* The number of leaves, which depends on the batch alone */
int32_t leaf_count(int64_t batch, int64_t context);

/* Refuses a division in which leaves would be cut between ranks. */
cadre_status leaf_plan_check(const leaf_plan *p);

/* A node whose sum is kept in a slot; level -1: a leaf that is not complete */
typedef struct leaf_node {
    int32_t level, index;
    int32_t slot;
} leaf_node;
/* The nodes whose sums a rank keeps, from left to right */
typedef struct leaf_sums {
    int32_t count;
    leaf_node node[LEAF_NODES];
} leaf_sums;

/* An addition of one slot to another */
typedef struct leaf_join {
    int32_t from, to;
} leaf_join;

/* The sequences and leaves that a rank has in one micro-batch, and what it does with their sums */
typedef struct leaf_micro_batch {
    int64_t first, sequences; /* its first sequence in the batch, and how many it has */
    int32_t leaves;
    int64_t start[LEAVES_MOST + 1]; /* first sequence of each leaf, counted from `first` */
    int32_t runs;
    leaf_run run[LEAF_RUNS]; /* `to` is a slot */
    int32_t joins;
    leaf_join join[LEAF_NODES]; /* the additions after it, in this order */
} leaf_micro_batch;

/* Plans a micro-batch, and updates sums. It is called for the micro-batches of a step one after
 * another, and sums begins as { 0 }. */
void leaf_plan_micro_batch(
    const leaf_plan *p, int64_t micro_batch, leaf_sums *sums, leaf_micro_batch *out);
/* After the last micro-batch, if there is one rank: plans the additions that are left. */
void leaf_plan_end(leaf_sums *sums, leaf_micro_batch *out);

int32_t leaf_plan_slots(const leaf_plan *p); /* that this rank needs */
/* The most sequences of a micro-batch on this rank */
int64_t leaf_plan_most_sequences(const leaf_plan *p);

#endif
