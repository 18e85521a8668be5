/* quant.c - one worker's part of a product with quantised weights: rounded rows of x, panels of w,
 * tiles. */
#include "kernel/quant.h"

#include <string.h>

#include "kernel/quant_kernels.h"

enum {
    MOST_ROWS = 512,     /* of x at a time */
    MOST_BLOCKS = 12288, /* in them: what stays in a second-level cache */
    MOST_BYTES = 272,    /* of a row in a panel: 8 blocks of Q8_0 */
};

struct quant_scratch {
    _Alignas(64) quant_block x[MOST_BLOCKS];
    _Alignas(64) float sums[MOST_ROWS * QUANT_MAX_LANES];
    _Alignas(64) uint8_t panel[QUANT_PANEL_BYTES];
    /* The last rows of w, where they are fewer than lanes */
    uint8_t edge[QUANT_MAX_LANES * MOST_BYTES];
    const real *row[MOST_ROWS]; /* what x is the rounding of */
    const quant_kernel *kernel; /* and for whom; NULL: nothing */
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
    if (blocks == 0 || blocks > MOST_BLOCKS || g->k % block || g->b.stride % block) return NULL;
    for (int i = 0; i < v->quant->count; i++)
        if (v->quant->list[i].format == g->b.format) return &v->quant->list[i];
    return NULL;
}

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static const real *row_of(const gemm_group *g, int64_t m)
{
    return g->a + (g->a_rows ? g->a_rows[m] : m) * g->a_stride;
}

static bool rounded_already(const quant_scratch *s, const quant_kernel *kernel, const gemm_group *g,
    int64_t m0, int64_t rows)
{
    if (!s->kernel || s->kernel->offset != kernel->offset || s->kernel->halves != kernel->halves)
        return false;
    if (s->rows != rows || s->k != g->k) return false;
    for (int64_t r = 0; r < rows; r++)
        if (s->row[r] != row_of(g, m0 + r)) return false;
    return true;
}

static void round_rows(const quant_kernels *v, const quant_kernel *kernel, const gemm_group *g,
    int64_t m0, int64_t rows, quant_scratch *s)
{
    int64_t blocks = g->k / QUANT_BLOCK;
    if (rounded_already(s, kernel, g, m0, rows)) return;
    for (int64_t r = 0; r < rows; r++) {
        s->row[r] = row_of(g, m0 + r);
        v->round(blocks, s->row[r], kernel->offset, kernel->halves, s->x + r * blocks);
    }
    s->kernel = kernel;
    s->rows = rows;
    s->k = g->k;
}

/* A lane's worth of rows of w. Laid out in one (quant_strips.h), it is read as one row of so many
 * `times` the bytes. */
typedef struct strip {
    const quant_reader *reader;
    const uint8_t *at;
    int64_t stride; /* bytes */
    int64_t rows;
    int64_t missing; /* to as many rows as there are lanes */
    int64_t times;
} strip;

static strip strip_at(const quant_kernels *v, const quant_kernel *kernel, const gemm_group *g,
    int64_t n, int64_t apart, int64_t rows)
{
    int64_t bytes = (int64_t)number_row_bytes(kernel->format, g->b.stride);
    const uint8_t *at = (const uint8_t *)g->b.data + n * bytes;
    if (g->b.strips) return (strip){ kernel->strips, at, v->lanes * bytes, 1, 0, v->lanes };
    return (strip){ kernel->rows, at, apart * bytes, rows, v->lanes - rows, 1 };
}

/* Blocks of the strip from byte `from` of its rows. Where rows are missing, zeros take their place,
 * whose sums are thrown away. */
static strip part_of(const strip *w, int64_t from, int64_t bytes, quant_scratch *s)
{
    strip part = *w;
    part.at += from;
    if (!w->missing) return part;
    for (int64_t r = 0; r < w->rows; r++)
        memcpy(s->edge + r * bytes, part.at + r * w->stride, (size_t)bytes);
    memset(s->edge + w->rows * bytes, 0, (size_t)(w->missing * bytes));
    part.at = s->edge;
    part.stride = bytes;
    return part;
}

static void fetch(const uint8_t *at, int64_t rows, int64_t stride, int64_t bytes)
{
    enum { LINE = 64 };
    for (int64_t r = 0; r < rows; r++, at += stride)
        for (int64_t i = 0; i < bytes; i += LINE) __builtin_prefetch(at + i, 0, 2);
}

/* Without a panel. The machine fetches ahead along a strip in one, but where it is read to and fro
 * or takes longer it is to be asked. */
static void multiply_direct(const quant_kernels *v, const quant_kernel *kernel, const strip *part,
    int blocks, int64_t bytes, const quant_block *x, int64_t all, int64_t rows, float *sums)
{
    enum { AHEAD = 8192 };
    const quant_reader *reader = part->reader;
    if (part->times > 1 && (rows > 1 || kernel->halves)) fetch(part->at + AHEAD, 1, 0, bytes);
    for (int64_t r = 0; r < rows; r += reader->at_once) {
        int64_t tall = min64(reader->at_once, rows - r);
        reader->direct[tall - 1](
            blocks, part->at, part->stride, x + r * all, all, sums + r * v->lanes);
    }
}

/* By way of a panel. The tiles' time is enough to bring the same blocks of the next strip. */
static void multiply_panel(const quant_kernels *v, const quant_kernel *kernel, const strip *part,
    const uint8_t *next, int blocks, int64_t bytes, const quant_block *x, int64_t all, int64_t rows,
    quant_scratch *s)
{
    part->reader->unpack(blocks, part->at, part->stride, s->panel);
    fetch(next, part->rows, part->stride, bytes);
    for (int64_t r = 0; r < rows; r += v->rows) {
        int64_t tall = min64(v->rows, rows - r);
        kernel->tile[tall - 1](blocks, s->panel, x + r * all, all, s->sums + r * v->lanes);
    }
}

/* sums [rows, lanes] of a strip */
static void multiply_strip(const quant_kernels *v, const quant_kernel *kernel, const strip *w,
    int64_t k, int64_t rows, quant_scratch *s)
{
    int64_t all = k / QUANT_BLOCK, from = 0, bytes;
    memset(s->sums, 0, (size_t)(rows * v->lanes) * sizeof *s->sums);
    for (int64_t b = 0; b < all; b += QUANT_SPAN, from += bytes) {
        int blocks = (int)min64(QUANT_SPAN, all - b);
        bytes = w->times * (int64_t)number_row_bytes(kernel->format, blocks * QUANT_BLOCK);
        strip part = part_of(w, from, bytes, s);
        if (rows <= w->reader->most_direct)
            multiply_direct(v, kernel, &part, blocks, bytes, s->x + b, all, rows, s->sums);
        else
            multiply_panel(v, kernel, &part, w->at + w->rows * w->stride + from, blocks, bytes,
                s->x + b, all, rows, s);
    }
}

/* Rows of w that each lane has, one after the other. Where no panel is made, as many as go: memory
 * is read fastest as a few long streams. An odd number, for lanes an even number of rows apart may
 * all meet in one set of a cache. Else one, so that a tile's outputs lie together; and one of
 * strips. */
static int64_t rows_of_lane(
    const quant_kernel *kernel, const gemm_group *g, int64_t rows, int64_t columns, int64_t lanes)
{
    int64_t each = rows > kernel->rows->most_direct || g->b.strips ? 1 : columns / lanes;
    return each > 1 && each % 2 == 0 ? each - 1 : each;
}

/* Rows m0 .. m0 + rows of c, columns n, n + apart, ... as many as w has rows. */
static void put_sums(const gemm_group *g, int64_t m0, int64_t rows, int64_t n, int64_t apart,
    int64_t columns, int64_t lanes, const float *sums)
{
    for (int64_t r = 0; r < rows; r++) {
        real *c = g->c + (m0 + r) * g->c_stride + n;
        for (int64_t j = 0; j < columns; j++) c[j * apart] = sums[r * lanes + j];
    }
}

void quant_columns(const kernel_variant *variant, const quant_kernel *kernel, const gemm_group *g,
    int64_t n0, int64_t n1, quant_scratch *s)
{
    const quant_kernels *v = variant->quant;
    int64_t most = min64(MOST_ROWS, MOST_BLOCKS / (g->k / QUANT_BLOCK));
    for (int64_t m0 = 0; m0 < g->m; m0 += most) {
        int64_t rows = min64(most, g->m - m0);
        round_rows(v, kernel, g, m0, rows, s);
        for (int64_t n = n0, apart, lanes; n < n1; n += apart * lanes) {
            lanes = min64(v->lanes, n1 - n);
            apart = rows_of_lane(kernel, g, rows, n1 - n, lanes);
            for (int64_t i = 0; i < apart; i++) {
                strip w = strip_at(v, kernel, g, n + i, apart, lanes);
                multiply_strip(v, kernel, &w, g->k, rows, s);
                put_sums(g, m0, rows, n + i, apart, lanes, v->lanes, s->sums);
            }
        }
    }
}
