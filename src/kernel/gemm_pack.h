/* gemm_pack.h - one worker's slice of a product, and its operands in the order in which tiles read
 * them.
 *
 *                       columns of C:   | micro-panel of B | micro-panel of B | ...
 *                                       |  vecs vectors    |                  |
 *     rows of C:                        +------------------+------------------+--
 *     micro-panel of A, `rows` rows     |   one tile of C  |                  |
 *     micro-panel of A                  |                  |                  |
 *     ...
 *
 * B is read by whole vectors, so it is packed into micro-panels [k, vecs * width] that lie one
 * after another. A is read one element at a time; it stays where it is or is packed row by row (in
 * TN by groups of columns). */
#ifndef CADRE_KERNEL_GEMM_PACK_H
#define CADRE_KERNEL_GEMM_PACK_H

#include "kernel/gemm_kernels.h"

enum {
    /* A micro-panel of B, 24 or 48 columns wide, then about fills the L1 cache */
    GEMM_BLOCK_K = 256,
    GEMM_BLOCK_M = 192, /* with GEMM_BLOCK_K: half of a small L2 cache */
    GEMM_BLOCK_N = 1024,
    /* Elements of packed A. Where all of a slice's A fits, its rows are not blocked. */
    GEMM_PACKED_A_SIZE = 1 << 18,
    /* Elements between packed panels, which would else fall into the same sets of the cache */
    GEMM_GAP = 16,
    /* Columns of A that lie together where TN packs it: a cache line, and whole micro-panels */
    GEMM_GROUP = 16,
    /* Rows that are copied together, so that whole cache lines are written */
    GEMM_COPY_ROWS = 8,
};

/* The rows m0..m1 and columns n0..n1 of a group's C, over all of k. */
typedef struct gemm_slice {
    const gemm_kernels *kernels;
    gemm_kind kind;
    const gemm_group *group;
    int64_t m0, m1, n0, n1;
    bool accumulate;
    const void *next_b; /* what this worker will read next; NULL: not known */
} gemm_slice;

/* What packed A holds: rows (in TN columns) i0..i1 of A, columns (in TN rows) q0..q1. */
typedef struct gemm_packed_range {
    const real *a;
    const int32_t *rows;
    int64_t i0, i1, q0, q1;
} gemm_packed_range;

typedef struct gemm_scratch {
    real packed_b[GEMM_BLOCK_K * GEMM_BLOCK_N + GEMM_BLOCK_N / 2 * GEMM_GAP];
    real packed_a[GEMM_PACKED_A_SIZE];
    real values[GEMM_COPY_ROWS * GEMM_BLOCK_N]; /* rows of B, unpacked to floats */
    float unpacked[GEMM_BLOCK_N + 512];         /* with the rest of the blocks at both ends */
    real edge[GEMM_MAX_ROWS * GEMM_MAX_PANEL];  /* a tile that reaches beyond C's last column */
    gemm_packed_range packed_a_of;
} gemm_scratch;

/* A block of k, q0..q1, and of columns, j0..j1. The columns are split into panels whose widths
 * differ by one vector at most. */
typedef struct gemm_span {
    int64_t q0, q1, j0, j1;
    int64_t vectors, panels;
} gemm_span;

/* A micro-panel of B. */
typedef struct gemm_b_panel {
    const real *b; /* [q1 - q0, vecs * width] */
    int64_t step;  /* from one row of it to the next */
    int64_t j;     /* its first column */
    int64_t used;  /* columns of it that exist */
    int vecs;
    bool packed; /* else it is read where B is stored */
} gemm_b_panel;

/* A micro-panel of A: as many rows of C as a tile has. */
typedef struct gemm_a_panel {
    int64_t index, first, rows;
} gemm_a_panel;

/* A in place or packed: how to find the element of row i and column q (in TN of column i and row
 * q). */
typedef struct gemm_operand {
    const real *at;
    int64_t i0, q0;
    int64_t row, step; /* from one i to the next, from one q to the next */
    int64_t group;     /* TN: from one GEMM_GROUP of i to the next; 0: rows lie evenly */
} gemm_operand;

static inline int64_t gemm_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t gemm_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Where share `index` of `shares` nearly equal ones begins: gemm_split(10, i, 4) is 0, 2, 5, 7,
 * 10. */
static inline int64_t gemm_split(int64_t count, int64_t index, int64_t shares)
{
    return count * index / shares;
}

/* words: packed ones from q0 to q, or elements in place */
static inline const real *gemm_a_at(const gemm_operand *a, int64_t i, int64_t words)
{
    int64_t down = i - a->i0, groups = a->group ? down / GEMM_GROUP : 0;
    return a->at + groups * a->group + (down - groups * GEMM_GROUP) * a->row + words * a->step;
}

/* Micro-panel `index` of the rows i0..i1. Their heights differ by one row at most, except in TN,
 * where they must divide a GEMM_GROUP. */
static inline gemm_a_panel gemm_a_panel_at(
    const gemm_slice *p, int64_t i0, int64_t i1, int64_t index)
{
    int64_t panels = gemm_ceil(i1 - i0, p->kernels->rows),
            first = gemm_split(i1 - i0, index, panels);
    if (p->kind == GEMM_TN) {
        first = index * p->kernels->rows;
        return (gemm_a_panel){ index, i0 + first, gemm_min(p->kernels->rows, i1 - i0 - first) };
    }
    return (gemm_a_panel){ index, i0 + first, gemm_split(i1 - i0, index + 1, panels) - first };
}

/* GEMM_FLOAT ... or GEMM_SOURCES: kernels cannot read B's number format */
int gemm_source_of(const gemm_group *g);
/* The address of an element of a stored row, which is the first of its block */
const char *gemm_b_at(const gemm_group *g, int64_t row, int64_t column);
/* Bytes from one stored row to the next */
int64_t gemm_b_bytes(const gemm_group *g);

gemm_b_panel gemm_b_panel_at(
    const gemm_slice *p, const gemm_scratch *s, const gemm_span *t, int64_t index);

/* Packs those of the panels first..last of t that are not read in place. */
void gemm_pack_b(
    const gemm_slice *p, gemm_scratch *s, const gemm_span *t, int64_t first, int64_t last);

bool gemm_a_in_place(const gemm_slice *p);
int64_t gemm_packed_a_size(const gemm_slice *p); /* elements of all of the slice's A, packed */

/* Rows i0..i1 and columns q0..q1 of A (in TN the other way about). It is packed where it has to be
 * and is not so already. */
gemm_operand gemm_pack_a(
    const gemm_slice *p, gemm_scratch *s, int64_t i0, int64_t i1, int64_t q0, int64_t q1);

#endif
