/* low_rank.h - pairs of small matrices beside matrices that stay as they are: y += (s x a^T) b^T,
 * and the gradients of a and b.
 *
 *     low [T, R] = s x a^T          y  += low b^T
 *     dlow [T, R] = s dy b          dx += dlow a      db (+)= dy^T low      da (+)= dlow^T x
 *
 * The scale is applied to the narrow rows, and `low` is computed again for the gradients rather
 * than kept. A call takes the pairs of many experts, each with rows of its own. */
#ifndef CADRE_OP_LOW_RANK_H
#define CADRE_OP_LOW_RANK_H

#include "base/status.h"
#include "kernel/compute.h"
#include "kernel/weight.h"
#include "op/leaves.h"

enum {
    LOW_RANK_MOST = 1024, /* the highest rank */
    LOW_RANK_PAIRS = 64   /* the most in one call */
};

/* Rows that one pair reads, or whose gradients it takes. Strides are in elements; where `rows` is
 * given, it says which stored row takes the place of row i. */
typedef struct pair_rows {
    const real *at;
    int64_t stride;
    const int32_t *rows;
} pair_rows;

typedef struct pair_call {
    const low_rank *pair;
    int64_t count;   /* rows */
    pair_rows x, dy; /* x: of forward, and for gradients; .at NULL: no gradients are wanted */
    real *to;        /* y, or dx; NULL: not wanted */
    int64_t to_stride;
} pair_call;

/* Makes room for calls with so many rows together. Call it before a pass. */
cadre_status low_rank_reserve(compute *c, int64_t rows, int64_t rank);
size_t low_rank_bytes(int64_t rows, int64_t rank); /* that it allocates */

/* Adds to y. count: at most LOW_RANK_PAIRS */
void low_rank_forward(compute *c, const pair_call *calls, int64_t count);

/* Adds to dx, and adds to or writes da and db: along `leaves`, where they are not NULL. */
void low_rank_backward(
    compute *c, const pair_call *calls, int64_t count, const leaf_list *leaves, bool accumulate);

#endif
