/* leaves.h - in which order the gradients of dense parameters are summed over tokens.
 *
 * A step's batch consists of G leaves, each some neighbouring sequences. The sum over the tokens of
 * a leaf is one chain of additions in their order; the sums of the leaves are added along a fixed
 * binary tree, in which node (level, i) has the leaves from i 2^level on:
 *
 *     leaves     0   1   2   3   4      (G = 5)
 *     level 1    0 + 1   2 + 3   4
 *     level 2       01 + 23      4
 *     level 3          0123 + 4
 *
 * The tree depends on the batch alone. A micro-batch, or a rank, has some of the leaves: it
 * computes the sums of whole nodes, and these are added later, so that the bits are the same for
 * any division of the batch. A run is a node of which all leaves are in this pass, or the piece of
 * one leaf.
 *
 * Gradients of experts and of the embedding are not summed like this: they are one chain. */
#ifndef CADRE_OP_LEAVES_H
#define CADRE_OP_LEAVES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "kernel/compute.h"
#include "kernel/gemm.h"

enum { LEAVES_MOST = 64, LEAVES_LEVELS = 8 /* of a tree of so many: its levels and a sum */ };

typedef enum leaf_mode {
    LEAF_WRITE,    /* the sum of the run is written */
    LEAF_ADD,      /* it is added, as the right half of a node, to the left one */
    LEAF_CONTINUE, /* the chain of one leaf continues from what is there */
} leaf_mode;

typedef struct leaf_run {
    int32_t begin, end; /* leaves of the pass, as counted by `start` */
    leaf_mode mode;
    int64_t to; /* elements from a gradient's place to where this run's sum goes */
} leaf_run;

typedef struct leaf_list {
    int32_t runs;
    const leaf_run *run;  /* [runs] */
    const int64_t *start; /* [leaves + 1] the first token of each leaf of the pass */
    int32_t levels;       /* sums that may be kept at once, beside the one at its target */
    int64_t chunk;        /* elements of a gradient that a worker computes at a time */
    int64_t whole;        /* the most elements of a sum for leaves_sum_whole */
    real *scratch;        /* [workers, levels, chunk], or [levels, whole] */
} leaf_list;

/* Nodes whose sums are kept, from left to right, until they are the two halves of another one */
typedef struct leaf_tree {
    int count;
    int32_t node[LEAVES_LEVELS], level[LEAVES_LEVELS];
} leaf_tree;
void leaf_tree_push(leaf_tree *t, int32_t node, int32_t level);
/* Whether the last two are halves: then the last is to be added to the other, and popped. */
bool leaf_tree_joins(const leaf_tree *t);
void leaf_tree_pop(leaf_tree *t);

/* Lays scratch out for a tree of so many leaves and gradients of at most `largest` elements, those
 * for leaves_sum_whole of at most `whole`. */
void leaves_layout(
    leaf_list *l, arena *a, int workers, int32_t count, int64_t largest, int64_t whole);

/* The gradients of products: C (+)= A^T B over the tokens, as GEMM_TN of gemm.h computes it. l
 * NULL: one chain over all tokens, added to C if `accumulate`. Otherwise l says what is added. A
 * and B have a row for each token of the pass. */
void leaves_multiply(
    compute *c, const leaf_list *l, const gemm_group *groups, int64_t count, bool accumulate);

/* Any other sum over tokens: `add` adds the tokens from `token` to token_end - 1, in their order,
 * to the elements begin .. end - 1 of the sum, which are at to[0] .. */
typedef struct leaf_sum {
    int64_t tokens, width, work; /* elements of the sum; about how many are touched in all */
    bool accumulate;             /* where there are no leaves */
    void (*add)(void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to);
    void *arg;
} leaf_sum;

/* Workers share the columns. */
void leaves_sum(const compute *c, const leaf_list *l, const leaf_sum *s, real *to /* [width] */);
/* The same on the calling thread with all of `width` at a time: `add` may use all workers. */
void leaves_sum_whole(const compute *c, const leaf_list *l, const leaf_sum *s, real *to);

#endif
