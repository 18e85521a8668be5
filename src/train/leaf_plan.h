/* leaf_plan.h - the leaves of a step (op/leaves.h): how many a batch has, which of them a
 * micro-batch of a rank computes, and where their sums wait until they are added.
 *
 * A rank keeps the sums of nodes in slots, each as large as all dense gradients. One rank has one
 * slot with one micro-batch, and with N of them about log2 N more. Of several, each keeps the
 * nodes whose other halves another rank has, of every micro-batch: at most as many as it has
 * leaves. */
#ifndef CADRE_TRAIN_LEAF_PLAN_H
#define CADRE_TRAIN_LEAF_PLAN_H

#include "base/status.h"
#include "op/leaves.h"

enum { LEAF_RUNS = 16, LEAF_NODES = LEAVES_MOST };

typedef struct leaf_plan {
    int64_t batch, parts; /* sequences; micro-batches */
    int32_t leaves;
    int32_t rank, ranks; /* which divide the sequences of every micro-batch */
} leaf_plan;

/* A function of the batch alone */
int32_t leaf_count(int64_t batch, int64_t context);

/* Refuses a division in which leaves would be cut between ranks. */
cadre_status leaf_plan_check(const leaf_plan *p);

/* Sums that wait, from left to right. */
typedef struct leaf_node {
    int32_t level, index; /* level -1: a leaf that is not complete */
    int32_t slot;
} leaf_node;
typedef struct leaf_sums {
    int32_t count;
    leaf_node node[LEAF_NODES];
} leaf_sums;

typedef struct leaf_join {
    int32_t from, to; /* slots: from is added to `to` */
} leaf_join;

/* What a rank does in one micro-batch */
typedef struct leaf_part {
    int64_t first, sequences; /* of the step's batch */
    int32_t leaves;
    int64_t start[LEAVES_MOST + 1]; /* first sequence of each leaf, counted from `first` */
    int32_t runs;
    leaf_run run[LEAF_RUNS]; /* `to` is a slot */
    int32_t joins;
    leaf_join join[LEAF_NODES]; /* after it, in this order */
} leaf_part;

/* The parts of a step, one after another: sums begins as { 0 }. */
void leaf_plan_part(const leaf_plan *p, int64_t part, leaf_sums *sums, leaf_part *out);
/* After the last part of one rank: the joins that are left. */
void leaf_plan_end(leaf_sums *sums, leaf_part *out);

int32_t leaf_plan_slots(const leaf_plan *p);
int64_t leaf_plan_most_sequences(const leaf_plan *p); /* of a part of this rank */

#endif
