/* gather.h - joins what several ranks computed of the same rows: each rank has some neighbouring
 * columns of a matrix, and gets the others.
 *
 * A matrix product that is cut between its outputs gives every element by the same chain of
 * additions as the whole one, so the joined rows are the bits that one process computes. Nothing is
 * ever added up over ranks. */
#ifndef CADRE_OP_GATHER_H
#define CADRE_OP_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/comm.h"
#include "base/real.h"
#include "base/share.h"

typedef struct column_gather {
    comm *ranks;   /* NULL: one rank computes everything, and there is nothing to gather */
    real *scratch; /* for matrices of up to `most` elements; NULL: they are gathered row by row */
    int64_t most;
} column_gather;

/* One matrix x [rows, cols], whose columns are cut into `pieces` of equal width: rank r has those
 * of its share (share.h). Its own columns are in their places. */
typedef struct gathered {
    int64_t cols, pieces;
    real *x;
} gathered;

enum { GATHER_TOGETHER = 2 };

/* Fills in the other ranks' columns of matrices with the same rows, in one exchange. */
void gather_together(const column_gather *g, int64_t rows, const gathered *m, int count);

/* Does the same for one matrix whose own columns lie elsewhere, side by side in rows `stride`
 * elements apart: they are copied to their places first. */
void gather_copied(const column_gather *g, int64_t rows, const real *own, int64_t stride,
    int64_t cols, int64_t pieces, real *x);

static inline void gather_columns(
    const column_gather *g, int64_t rows, int64_t cols, int64_t pieces, real *x)
{
    if (g && g->ranks) gather_together(g, rows, &(gathered){ cols, pieces, x }, 1);
}

/* Where this rank's columns begin, and how many it has; without ranks all of them. A part that a
 * model lacks has no pieces and no columns. */
static inline int64_t gather_first(const column_gather *g, int64_t cols, int64_t pieces)
{
    return g && g->ranks && pieces
               ? share_begin(pieces, g->ranks->rank, g->ranks->size) * (cols / pieces)
               : 0;
}

static inline int64_t gather_own(const column_gather *g, int64_t cols, int64_t pieces)
{
    if (!g || !g->ranks || !pieces) return cols;
    return share_begin(pieces, g->ranks->rank + 1, g->ranks->size) * (cols / pieces) -
           gather_first(g, cols, pieces);
}

#endif
