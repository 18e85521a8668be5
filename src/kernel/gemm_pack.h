/* gemm_pack.h - one worker's part of a product, and its operands in the order in which tiles read
 * them.
 *
 * y, which tiles read by vectors, is b in panels [k, columns]; x, which tiles read number by
 * number, is a. */
#ifndef CADRE_KERNEL_GEMM_PACK_H
#define CADRE_KERNEL_GEMM_PACK_H

#include "kernel/gemm_kernels.h"

enum {
    /* A panel of y, 24 or 48 wide, then about fills the first-level cache */
    GEMM_BLOCK_K = 256,
    GEMM_BLOCK_M = 192, /* with BLOCK_K: half of a small second-level cache */
    GEMM_BLOCK_N = 1024,
    /* Reals of packed x: where a part's whole x fits, its rows are not blocked */
    GEMM_X_SIZE = 1 << 18,
    /* Reals between packed things, which else would fall into the same sets of the cache */
    GEMM_GAP = 16,
    /* Columns of a that lie together in TN's packed x: a cache line, whole strips */
    GEMM_GROUP = 16,
    /* Rows copied together, so that what they are copied to is written by whole lines */
    GEMM_COPY_ROWS = 8,
};

/* The rows m0..m1 and columns n0..n1 of a group's c, over all of k. */
typedef struct gemm_part {
    const gemm_kernels *kernels;
    gemm_kind kind;
    const gemm_group *group;
    int64_t m0, m1, n0, n1;
    bool accumulate;
    const void *next_b; /* what this worker will read next; NULL: not known */
} gemm_part;

/* What the packed x is of: rows (in TN columns) i0..i1 of a, columns (in TN rows) q0..q1. */
typedef struct gemm_packed {
    const real *a;
    const int32_t *rows;
    int64_t i0, i1, q0, q1;
} gemm_packed;

typedef struct gemm_scratch {
    real y[GEMM_BLOCK_K * GEMM_BLOCK_N + GEMM_BLOCK_N / 2 * GEMM_GAP];
    real x[GEMM_X_SIZE];
    real values[GEMM_COPY_ROWS * GEMM_BLOCK_N]; /* rows of b, turned into reals */
    float unpacked[GEMM_BLOCK_N + 512];         /* with the rest of the blocks at both ends */
    real edge[GEMM_MAX_ROWS * GEMM_MAX_PANEL];  /* a tile that reaches over c's last column */
    gemm_packed x_is;
} gemm_scratch;

/* A block of k and of columns, and how the columns fall into panels of nearly equal width. */
typedef struct gemm_span {
    int64_t q0, q1, j0, j1;
    int64_t vectors, panels;
} gemm_span;

typedef struct gemm_panel {
    const real *y; /* [q1 - q0, vecs * width] */
    int64_t step;  /* from one row of y to the next */
    int64_t j;     /* its first column */
    int64_t used;  /* columns of it that exist */
    int vecs;
    bool packed; /* else y lies in b */
} gemm_panel;

/* A strip of rows of c, as high as a tile. */
typedef struct gemm_strip {
    int64_t index, first, rows;
} gemm_strip;

/* x, in place or packed: the element of row i and column q of a (in TN of column i and row q). */
typedef struct gemm_operand {
    const real *at;
    int64_t i0, q0;
    int64_t row, step; /* from one i to the next, from one q to the next */
    int64_t group;     /* TN: from GEMM_GROUP of i to the next; 0: rows lie evenly */
} gemm_operand;

static inline int64_t gemm_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t gemm_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t gemm_cut(int64_t count, int64_t part, int64_t parts)
{
    return count * part / parts;
}

static inline const real *gemm_x_at(const gemm_operand *x, int64_t i, int64_t q)
{
    int64_t down = i - x->i0, groups = x->group ? down / GEMM_GROUP : 0;
    return x->at + groups * x->group + (down - groups * GEMM_GROUP) * x->row +
           (q - x->q0) * x->step;
}

/* Strip `index` of the rows i0..i1: strips differ by one row at most, but in TN, where they must
 * divide a group. */
static inline gemm_strip gemm_strip_at(const gemm_part *p, int64_t i0, int64_t i1, int64_t index)
{
    int64_t strips = gemm_ceil(i1 - i0, p->kernels->rows), first = gemm_cut(i1 - i0, index, strips);
    if (p->kind == GEMM_TN) {
        first = index * p->kernels->rows;
        return (gemm_strip){ index, i0 + first, gemm_min(p->kernels->rows, i1 - i0 - first) };
    }
    return (gemm_strip){ index, i0 + first, gemm_cut(i1 - i0, index + 1, strips) - first };
}

int gemm_source_of(const gemm_group *g);
/* An element of a stored row, the first of its block */
const char *gemm_b_at(const gemm_group *g, int64_t row, int64_t column);
/* From one stored row to the next */
int64_t gemm_b_bytes(const gemm_group *g);

gemm_panel gemm_panel_at(
    const gemm_part *p, const gemm_scratch *s, const gemm_span *t, int64_t index);

/* Packs those of the panels first..last of t that are to be packed. */
void gemm_pack_y(
    const gemm_part *p, gemm_scratch *s, const gemm_span *t, int64_t first, int64_t last);

bool gemm_x_in_place(const gemm_part *p);
int64_t gemm_x_size(const gemm_part *p); /* reals, packed whole */

/* x for rows i0..i1 and columns q0..q1 of a (in TN the other way about), packed unless it is so
 * already. */
gemm_operand gemm_pack_x(
    const gemm_part *p, gemm_scratch *s, int64_t i0, int64_t i1, int64_t q0, int64_t q1);

#endif
