/* quant.c - one worker's columns of a product with quantised weights.
 *
 * x, w and y, here and in the other files on quantised products, are A, B and C of gemm.h: the
 * activations x [m, k], the weights w [n, k] and the results y [m, n] = x w^T.
 *
 * The passes, for up to MAX_ROWS rows of x at a time:
 *
 *     1. The rows of x are quantised to int8, unless the last product did it (quantise_rows).
 *     2. For every group of LANES rows of w, which are LANES columns of y, and for every span of
 *        QUANT_SPAN blocks along k:
 *          a. with few rows of x, each block of w is read, transposed and multiplied at once
 *             (multiply_direct), at the speed of memory; interleaved w needs no transposing, and
 *             some groups are read by turns (interleaved_columns);
 *          b. with more, the span is unpacked into a panel, which stays in the L1 cache while tiles
 *             of rows of x pass over it (multiply_panel).
 *     3. The sums [rows, LANES] are written to y (store_sums).
 *
 * For example, Q4_0 with K = 64 on AVX2 (8 lanes): a row of w has two blocks of 18 bytes, a float16
 * scale and 32 four-bit values. A group is 8 such rows, and its panel has two blocks; in each, word
 * j holds the values 4 j .. 4 j + 3 of row r in lane r. If a block of x has the largest magnitude
 * 2.54, its scale is 2.54 / 127 = 0.02, and an element 1.0 becomes 50. A sum is the exact integer
 * sum (w - 8) * q of 32 products, times the two scales, added to a float. */
#include "kernel/quant.h"

#include <string.h>

#include "kernel/quant_kernels.h"

enum {
    MAX_ROWS = 512,     /* of x at a time */
    MAX_BLOCKS = 12288, /* in them: what stays in the L2 cache */
    MAX_BYTES = 272,    /* of a row in a panel: 8 blocks of Q8_0 */
    MOST_STREAMS = 4,   /* interleaved groups that are read together */
    STREAM_SPAN = 4,    /* blocks of each in turn */
};

struct quant_scratch {
    _Alignas(64) quant_block x[MAX_BLOCKS];
    _Alignas(64) float sums[MAX_ROWS * QUANT_MAX_LANES];
    _Alignas(64) uint8_t panel[QUANT_PANEL_BYTES];
    /* The last rows of w, where they are fewer than lanes */
    uint8_t edge[QUANT_MAX_LANES * MAX_BYTES];
    const real *row[MAX_ROWS];  /* the rows that x was quantised from */
    const quant_kernel *kernel; /* and for which format; NULL: x holds nothing */
    int64_t rows, k;
};

size_t quant_scratch_bytes(void) { return sizeof(struct quant_scratch); }

int64_t quant_grain(const kernel_variant *v) { return v->quant->lanes; }

void quant_begin(quant_scratch *s) { s->kernel = NULL; }

const quant_kernel *quant_kernel_of(
    const kernel_variant *v, gemm_kind kind, const gemm_group *g, bool accumulate)
{
    if (!v->quant || !g->b.format || kind != GEMM_NT || accumulate) return NULL;
    int64_t block = g->b.format->block, blocks = g->k / QUANT_BLOCK;
    if (blocks == 0 || blocks > MAX_BLOCKS || g->k % block || g->b.stride % block) return NULL;
    for (int i = 0; i < v->quant->count; i++)
        if (v->quant->list[i].format == g->b.format) return &v->quant->list[i];
    return NULL;
}

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- 1. rows of x ---- */

static const real *row_of(const gemm_group *g, int64_t m)
{
    return g->a + (g->a_rows ? g->a_rows[m] : m) * g->a_stride;
}

static bool already_quantised(const quant_scratch *s, const quant_kernel *kernel,
    const gemm_group *g, int64_t m0, int64_t rows)
{
    if (!s->kernel || s->kernel->offset != kernel->offset || s->kernel->halves != kernel->halves)
        return false;
    if (s->rows != rows || s->k != g->k) return false;
    for (int64_t r = 0; r < rows; r++)
        if (s->row[r] != row_of(g, m0 + r)) return false;
    return true;
}

static void quantise_rows(const quant_kernels *v, const quant_kernel *kernel, const gemm_group *g,
    int64_t m0, int64_t rows, quant_scratch *s)
{
    int64_t blocks = g->k / QUANT_BLOCK;
    if (already_quantised(s, kernel, g, m0, rows)) return;
    for (int64_t r = 0; r < rows; r++) {
        s->row[r] = row_of(g, m0 + r);
        v->quantise(blocks, s->row[r], kernel->offset, kernel->halves, s->x + r * blocks);
    }
    s->kernel = kernel;
    s->rows = rows;
    s->k = g->k;
}

/* ---- 2. groups of rows of w ---- */

/* As many rows of w as there are lanes. An interleaved group (quant_interleaved.h) is read as one
 * row of `interleave` times the bytes. */
typedef struct row_group {
    const quant_reader *reader;
    const uint8_t *at;
    int64_t stride; /* bytes */
    int64_t rows;
    int64_t missing; /* lanes without a row */
    int64_t interleave;
} row_group;

static row_group row_group_at(const quant_kernels *v, const quant_kernel *kernel,
    const gemm_group *g, int64_t n, int64_t apart, int64_t rows)
{
    int64_t bytes = (int64_t)number_row_bytes(kernel->format, g->b.stride);
    const uint8_t *at = (const uint8_t *)g->b.data + n * bytes;
    if (g->b.interleaved)
        return (row_group){ kernel->interleaved, at, v->lanes * bytes, 1, 0, v->lanes };
    return (row_group){ kernel->rows, at, apart * bytes, rows, v->lanes - rows, 1 };
}

/* The span of the group's blocks from byte `from` of its rows on. Where rows are missing, zeros
 * take their place, and the sums of these are never stored. */
static row_group span_of(const row_group *w, int64_t from, int64_t bytes, quant_scratch *s)
{
    row_group span = *w;
    span.at += from;
    if (!w->missing) return span;
    for (int64_t r = 0; r < w->rows; r++)
        memcpy(s->edge + r * bytes, span.at + r * w->stride, (size_t)bytes);
    memset(s->edge + w->rows * bytes, 0, (size_t)(w->missing * bytes));
    span.at = s->edge;
    span.stride = bytes;
    return span;
}

static void prefetch(const uint8_t *at, int64_t rows, int64_t stride, int64_t bytes)
{
    enum { LINE = 64 };
    for (int64_t r = 0; r < rows; r++, at += stride)
        for (int64_t i = 0; i < bytes; i += LINE) __builtin_prefetch(at + i, 0, 2);
}

/* Multiplies without a panel. */
static void multiply_direct(const quant_kernels *v, const row_group *span, int blocks,
    const quant_block *x, int64_t all, int64_t rows, float *sums)
{
    const quant_reader *reader = span->reader;
    for (int64_t r = 0; r < rows; r += reader->at_once) {
        int64_t tall = min64(reader->at_once, rows - r);
        reader->direct[tall - 1](
            blocks, span->at, span->stride, x + r * all, all, sums + r * v->lanes);
    }
}

/* Multiplies by way of a panel. While the tiles compute, the same blocks of the next group are
 * prefetched. */
static void multiply_panel(const quant_kernels *v, const quant_kernel *kernel,
    const row_group *span, const uint8_t *next, int blocks, int64_t bytes, const quant_block *x,
    int64_t all, int64_t rows, quant_scratch *s)
{
    span->reader->unpack(blocks, span->at, span->stride, s->panel);
    prefetch(next, span->rows, span->stride, bytes);
    for (int64_t r = 0; r < rows; r += v->rows) {
        int64_t tall = min64(v->rows, rows - r);
        kernel->tile[tall - 1](blocks, s->panel, x + r * all, all, s->sums + r * v->lanes);
    }
}

/* sums [count, rows, lanes] = the rows of x times those of `count` groups, span by span and by
 * turns. count is 1 where panels are made. */
static void multiply_row_groups(const quant_kernels *v, const quant_kernel *kernel,
    const row_group *w, int64_t count, int64_t k, int64_t rows, quant_scratch *s)
{
    int64_t all = k / QUANT_BLOCK, from = 0, bytes, sums = rows * v->lanes;
    memset(s->sums, 0, (size_t)(count * sums) * sizeof *s->sums);
    bool turns = count > 1 && kernel->format->block == QUANT_BLOCK;
    int64_t most = turns ? STREAM_SPAN : QUANT_SPAN;
    for (int64_t b = 0; b < all; b += most, from += bytes) {
        int blocks = (int)min64(most, all - b);
        bytes = w->interleave * (int64_t)number_row_bytes(kernel->format, blocks * QUANT_BLOCK);
        for (int64_t i = 0; i < count; i++) {
            row_group span = span_of(&w[i], from, bytes, s);
            if (rows <= w->reader->max_direct)
                multiply_direct(v, &span, blocks, s->x + b, all, rows, s->sums + i * sums);
            else
                multiply_panel(v, kernel, &span, w->at + w->rows * w->stride + from, blocks, bytes,
                    s->x + b, all, rows, s);
        }
    }
}

/* ---- 3. outputs ---- */

/* How many rows of w a lane takes one after another: the rows of a group then lie that many apart.
 *
 * Where no panel is made, it is as many as possible, because memory is read fastest as a few long
 * streams, one for each lane. The number is odd: lanes an even number of rows apart might all fall
 * into one set of the cache. For panels it is one, so that the outputs of a tile lie side by
 * side. */
static int64_t rows_of_lane(
    const quant_kernel *kernel, int64_t rows, int64_t columns, int64_t lanes)
{
    int64_t each = rows > kernel->rows->max_direct ? 1 : columns / lanes;
    return each > 1 && each % 2 == 0 ? each - 1 : each;
}

/* Stores rows m0 .. m0 + rows of C; columns n, n + apart, ... as many as the group has rows. */
static void store_sums(const gemm_group *g, int64_t m0, int64_t rows, int64_t n, int64_t apart,
    int64_t columns, int64_t lanes, const float *sums)
{
    for (int64_t r = 0; r < rows; r++) {
        real *c = g->c + (m0 + r) * g->c_stride + n;
        for (int64_t j = 0; j < columns; j++) c[j * apart] = sums[r * lanes + j];
    }
}

/* Columns n0 .. n1 - 1 with w interleaved. Where no panel is made, a few groups that lie far apart
 * are read together, because memory is read fastest as a few long streams. */
static void interleaved_columns(const quant_kernels *v, const quant_kernel *kernel,
    const gemm_group *g, int64_t m0, int64_t rows, int64_t n0, int64_t n1, quant_scratch *s)
{
    int64_t lanes = v->lanes, most = rows > kernel->interleaved->max_direct ? 1 : MOST_STREAMS;
    row_group w[MOST_STREAMS];
    for (int64_t n = n0, groups, streams, apart; n < n1; n += streams * apart) {
        groups = (n1 - n + lanes - 1) / lanes;
        streams = min64(most, groups);
        apart = groups / streams * lanes;
        for (int64_t i = n; i < n + apart; i += lanes) {
            for (int64_t t = 0; t < streams; t++)
                w[t] = row_group_at(v, kernel, g, i + t * apart, 1, lanes);
            multiply_row_groups(v, kernel, w, streams, g->k, rows, s);
            for (int64_t t = 0, at = i; t < streams; t++, at += apart)
                store_sums(
                    g, m0, rows, at, 1, min64(lanes, n1 - at), lanes, s->sums + t * rows * lanes);
        }
    }
}

/* Columns n0 .. n1 - 1 with w row by row */
static void columns_of_rows(const quant_kernels *v, const quant_kernel *kernel, const gemm_group *g,
    int64_t m0, int64_t rows, int64_t n0, int64_t n1, quant_scratch *s)
{
    for (int64_t n = n0, apart, lanes; n < n1; n += apart * lanes) {
        lanes = min64(v->lanes, n1 - n);
        apart = rows_of_lane(kernel, rows, n1 - n, lanes);
        for (int64_t i = 0; i < apart; i++) {
            row_group w = row_group_at(v, kernel, g, n + i, apart, lanes);
            multiply_row_groups(v, kernel, &w, 1, g->k, rows, s);
            store_sums(g, m0, rows, n + i, apart, lanes, v->lanes, s->sums);
        }
    }
}

void quant_columns(const kernel_variant *variant, const quant_kernel *kernel, const gemm_group *g,
    int64_t n0, int64_t n1, quant_scratch *s)
{
    const quant_kernels *v = variant->quant;
    int64_t most = min64(MAX_ROWS, MAX_BLOCKS / (g->k / QUANT_BLOCK));
    for (int64_t m0 = 0; m0 < g->m; m0 += most) {
        int64_t rows = min64(most, g->m - m0);
        quantise_rows(v, kernel, g, m0, rows, s);
        if (g->b.interleaved) interleaved_columns(v, kernel, g, m0, rows, n0, n1, s);
        else columns_of_rows(v, kernel, g, m0, rows, n0, n1, s);
    }
}
