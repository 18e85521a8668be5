/* gemm_block.c - the blocking of one product, the same for every kind and every CPU variant.
 *
 * y, the operand that tiles read by vectors, lies along n: it is b, packed into panels [k, vectors]: transposed where b's rows
 * run along k (NT), copied where they run along n (NN, TN). x, the operand that tiles read number by number, is a, in place where
 * its rows are near each other, else packed. A block of k stays in the first-level cache (a panel of y), a block of rows in the
 * second (x), so that memory is read once a block. Between blocks of k the sums rest in c: that keeps each of them one chain. */
#include "kernel/gemm_block.h"

#include <string.h>

enum {
    BLOCK_K = 256,
    BLOCK_M = 192,
    BLOCK_N = 1024,
    GAP = 16,       /* between packed rows of x, so that they do not fall into one set of the cache */
    COPY_ROWS = 8,  /* rows of k copied together into a panel */
    COPY_COLUMNS = 256, /* columns of b that are copied while their rows' pages are at hand */
};

/* What the packed x is of: the next part with the same need takes it as it is. */
typedef struct packed {
    const real *a;
    const int32_t *rows;
    int64_t i0, i1, q0, q1;
} packed;

struct gemm_scratch {
    real y[BLOCK_K * BLOCK_N];
    real x[BLOCK_M * (BLOCK_K + GAP)];
    real values[BLOCK_N * COPY_ROWS]; /* rows of b, unpacked from their number format */
    float unpacked[BLOCK_N + 512];
    real edge[GEMM_MAX_ROWS * GEMM_MAX_PANEL];
    packed x_is;
};

size_t gemm_scratch_bytes(void) { return sizeof(struct gemm_scratch); }

void gemm_block_begin(gemm_scratch *scratch) { scratch->x_is.a = NULL; }

static const real zeros[GEMM_MAX_PANEL];

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t cut(int64_t count, int64_t part, int64_t parts) { return count * part / parts; }

/* A block of k and of columns: q0..q1, j0..j1, and how the columns fall into panels of nearly equal width. */
typedef struct span {
    int64_t q0, q1, j0, j1;
    int64_t vectors, panels;
} span;

/* ---- y: panels of b ---- */

/* Elements from..from + count of stored row `row` of b: in place, or turned into reals in `out`. */
static const real *b_values(const gemm_part *p, gemm_scratch *s, int64_t row, int64_t from, int64_t count, real *out)
{
    const gemm_group *g = p->group;
    const number_format *f = g->b_format;
    int64_t at = row * g->b_stride + from;
    if (!f) return (const real *)g->b + at;
    int64_t skip = at % f->block;
    const void *blocks = (const char *)g->b + number_row_bytes(f, at - skip);
    if (f == &number_f16 && p->kernels->unpack_f16) p->kernels->unpack_f16(blocks, out, count);
    else if (f == &number_bf16 && p->kernels->unpack_bf16) p->kernels->unpack_bf16(blocks, out, count);
    else {
        f->unpack(blocks, s->unpacked, ceil_div(skip + count, f->block) * f->block);
        for (int64_t i = 0; i < count; i++) out[i] = (real)s->unpacked[skip + i];
    }
    return out;
}

/* One vector of a panel of NT: `rows` rows of b from row j, transposed; lanes past the last row are zero. */
static void transpose_rows(const gemm_part *p, gemm_scratch *s, const span *t, int64_t j, int64_t rows, real *out,
                           int64_t out_step)
{
    int64_t k = t->q1 - t->q0, width = p->kernels->width;
    const real *in = b_values(p, s, j, t->q0, k, s->values);
    int64_t stride = p->group->b_format ? BLOCK_K : p->group->b_stride;
    if (p->group->b_format)
        for (int64_t r = 1; r < rows; r++) b_values(p, s, j + r, t->q0, k, s->values + r * BLOCK_K);
    if (rows == width) {
        p->kernels->transpose(in, stride, k, out, out_step);
        return;
    }
    for (int64_t q = 0; q < k; q++)
        for (int64_t r = 0; r < width; r++) out[q * out_step + r] = r < rows ? in[r * stride + q] : 0;
}

static real *panel_at(const gemm_part *p, gemm_scratch *s, const span *t, int64_t panel, int *vecs, int64_t *column)
{
    int64_t first = cut(t->vectors, panel, t->panels);
    *vecs = (int)(cut(t->vectors, panel + 1, t->panels) - first);
    *column = t->j0 + first * p->kernels->width;
    return s->y + first * p->kernels->width * (t->q1 - t->q0);
}

static void transpose_panel(const gemm_part *p, gemm_scratch *s, const span *t, int64_t panel)
{
    int vecs, width = p->kernels->width;
    int64_t j;
    real *out = panel_at(p, s, t, panel, &vecs, &j);
    for (int v = 0; v < vecs; v++)
        transpose_rows(p, s, t, j + v * width, min64(width, t->j1 - j - v * width), out + v * width, vecs * width);
}

/* `count` rows of k from q, into the panels first..last of NN or TN. */
static void copy_rows(const gemm_part *p, gemm_scratch *s, const span *t, int64_t q, int64_t count, int64_t first, int64_t last)
{
    const gemm_group *g = p->group;
    const int32_t *rows = g->b_rows ? g->b_rows + q : NULL;
    const real *in = rows ? g->b : (const real *)g->b + q * g->b_stride;
    int64_t stride = g->b_stride, origin = 0, width = p->kernels->width;
    int vecs;
    if (g->b_format) {
        panel_at(p, s, t, first, &vecs, &origin);
        for (int64_t i = 0; i < count; i++)
            b_values(p, s, rows ? rows[i] : q + i, origin, t->j1 - origin, s->values + i * BLOCK_N);
        in = s->values;
        stride = BLOCK_N;
        rows = NULL;
    }
    for (int64_t panel = first; panel < last; panel++) {
        int64_t j;
        real *out = panel_at(p, s, t, panel, &vecs, &j) + (q - t->q0) * vecs * width;
        int64_t valid = t->j1 - j;
        if (valid >= vecs * width) {
            p->kernels->copy(vecs, count, in + j - origin, stride, rows, out);
            continue;
        }
        for (int64_t i = 0; i < count; i++) {
            const real *row = in + (rows ? rows[i] : i) * stride + j - origin;
            for (int64_t r = 0; r < vecs * width; r++) out[i * vecs * width + r] = r < valid ? row[r] : 0;
        }
    }
}

/* Packs panel, and in NN and TN its neighbours with it; returns the first panel that is not packed yet. */
static int64_t pack_y(const gemm_part *p, gemm_scratch *s, const span *t, int64_t panel)
{
    if (p->kind == GEMM_NT) {
        transpose_panel(p, s, t, panel);
        return panel + 1;
    }
    int64_t last = min64(t->panels, panel + COPY_COLUMNS / (p->kernels->vecs * p->kernels->width));
    for (int64_t q = t->q0; q < t->q1; q += COPY_ROWS) copy_rows(p, s, t, q, min64(COPY_ROWS, t->q1 - q), panel, last);
    return last;
}

/* ---- x: a, in place or packed ---- */

typedef struct operand {
    const real *at;   /* of the block's first row */
    int64_t row, step;
    bool strips;      /* each strip of rows [k, rows] by itself */
} operand;

static bool same_packing(const packed *u, const packed *v)
{
    return u->a == v->a && u->rows == v->rows && u->i0 == v->i0 && u->i1 == v->i1 && u->q0 == v->q0 && u->q1 == v->q1;
}

/* TN: rows of a run along m; strips of it are laid out [k, rows], one after the other. */
static void pack_strips(const gemm_part *p, real *out, int64_t i0, int64_t i1, int64_t q0, int64_t q1)
{
    const gemm_group *g = p->group;
    int64_t strips = ceil_div(i1 - i0, p->kernels->rows);
    for (int64_t q = q0; q < q1; q += COPY_ROWS)
        for (int64_t strip = 0; strip < strips; strip++) {
            int64_t first = cut(i1 - i0, strip, strips), rows = cut(i1 - i0, strip + 1, strips) - first;
            real *to = out + first * (q1 - q0) + (q - q0) * rows;
            for (int64_t i = q; i < q1 && i < q + COPY_ROWS; i++, to += rows) {
                const real *from = g->a + (g->a_rows ? g->a_rows[i] : i) * g->a_stride + i0 + first;
                if (rows == 8) memcpy(to, from, 8 * sizeof *to);
                else if (rows == 4) memcpy(to, from, 4 * sizeof *to);
                else
                    for (int64_t r = 0; r < rows; r++) to[r] = from[r];
            }
        }
}

static void pack_rows(const gemm_part *p, real *out, int64_t i0, int64_t i1, int64_t q0, int64_t q1)
{
    const gemm_group *g = p->group;
    for (int64_t i = i0; i < i1; i++, out += q1 - q0 + GAP)
        memcpy(out, g->a + (g->a_rows ? g->a_rows[i] : i) * g->a_stride + q0, (size_t)(q1 - q0) * sizeof *out);
}

static operand x_operand(const gemm_part *p, gemm_scratch *s, int64_t i0, int64_t i1, int64_t q0, int64_t q1)
{
    const gemm_group *g = p->group;
    if (p->kind != GEMM_TN && !g->a_rows && g->a_stride <= 512)
        return (operand){ g->a + i0 * g->a_stride + q0, g->a_stride, 1, false };
    packed wish = { g->a, g->a_rows, i0, i1, q0, q1 };
    if (!same_packing(&wish, &s->x_is)) {
        if (p->kind == GEMM_TN) pack_strips(p, s->x, i0, i1, q0, q1);
        else pack_rows(p, s->x, i0, i1, q0, q1);
        s->x_is = wish;
    }
    if (p->kind == GEMM_TN) return (operand){ s->x, q1 - q0, 0, true };
    return (operand){ s->x, q1 - q0 + GAP, 1, false };
}

/* ---- tiles ---- */

/* One tile: `rows` rows of c from row i, the columns of one panel. Columns past the last go by way of scratch. */
static void run_tile(const gemm_part *p, gemm_scratch *s, const span *t, const operand *x, int64_t i0, int64_t first,
                     int64_t rows, const real *y, int vecs, int64_t j)
{
    const gemm_group *g = p->group;
    int64_t k = t->q1 - t->q0, panel = vecs * p->kernels->width, valid = min64(panel, t->j1 - j);
    const real *at = x->at + first * x->row;
    int64_t x_row = x->strips ? 1 : x->row, x_step = x->strips ? rows : x->step;
    gemm_tile *tile = p->kernels->tile[rows - 1][vecs - 1];
    real *c = g->c + (i0 + first) * g->c_stride + j;
    bool load = p->accumulate || t->q0 > 0;
    if (valid == panel) {
        tile(k, at, x_row, x_step, y, panel, load ? c : zeros, load ? g->c_stride : 0, c, g->c_stride);
        return;
    }
    size_t bytes = (size_t)valid * sizeof *c;
    for (int64_t r = 0; load && r < rows; r++) memcpy(s->edge + r * panel, c + r * g->c_stride, bytes);
    tile(k, at, x_row, x_step, y, panel, load ? s->edge : zeros, load ? panel : 0, s->edge, panel);
    for (int64_t r = 0; r < rows; r++) memcpy(c + r * g->c_stride, s->edge + r * panel, bytes);
}

/* Panel by panel: the panel stays in the first-level cache while the strips of x pass. */
static void panels_first(const gemm_part *p, gemm_scratch *s, const span *t, int64_t i0, int64_t i1)
{
    operand x = x_operand(p, s, i0, i1, t->q0, t->q1);
    int64_t strips = ceil_div(i1 - i0, p->kernels->rows), ready = i0 == p->m0 ? 0 : t->panels;
    for (int64_t panel = 0; panel < t->panels; panel++) {
        int vecs;
        int64_t j;
        const real *y = panel_at(p, s, t, panel, &vecs, &j);
        if (panel >= ready) ready = pack_y(p, s, t, panel);
        for (int64_t strip = 0; strip < strips; strip++) {
            int64_t first = cut(i1 - i0, strip, strips), end = cut(i1 - i0, strip + 1, strips);
            run_tile(p, s, t, &x, i0, first, end - first, y, vecs, j);
        }
    }
}

/* Strip by strip: c is written along its rows, as memory likes it; for small k, where c is most of the work. */
static void strips_first(const gemm_part *p, gemm_scratch *s, const span *t, int64_t i0, int64_t i1)
{
    operand x = x_operand(p, s, i0, i1, t->q0, t->q1);
    int64_t strips = ceil_div(i1 - i0, p->kernels->rows);
    for (int64_t ready = i0 == p->m0 ? 0 : t->panels; ready < t->panels;) ready = pack_y(p, s, t, ready);
    for (int64_t strip = 0; strip < strips; strip++) {
        int64_t first = cut(i1 - i0, strip, strips), end = cut(i1 - i0, strip + 1, strips);
        for (int64_t panel = 0; panel < t->panels; panel++) {
            int vecs;
            int64_t j;
            const real *y = panel_at(p, s, t, panel, &vecs, &j);
            run_tile(p, s, t, &x, i0, first, end - first, y, vecs, j);
        }
    }
}

void gemm_block(const gemm_part *p, gemm_scratch *s)
{
    int64_t k = p->group->k, k_blocks = k ? ceil_div(k, BLOCK_K) : 1, m_blocks = ceil_div(p->m1 - p->m0, BLOCK_M);
    bool small_k = k <= 128;
    if (k == 0 && p->accumulate) return;
    int64_t columns = small_k ? min64(BLOCK_N, (32768 / (k + 1)) / 48 * 48) : BLOCK_N;
    for (int64_t j = p->n0; j < p->n1; j += columns)
        for (int64_t b = 0; b < k_blocks; b++) {
            span t = { cut(k, b, k_blocks), cut(k, b + 1, k_blocks), j, min64(j + columns, p->n1), 0, 0 };
            t.vectors = ceil_div(t.j1 - t.j0, p->kernels->width);
            t.panels = ceil_div(t.vectors, p->kernels->vecs);
            for (int64_t i = 0; i < m_blocks; i++) {
                int64_t i0 = p->m0 + cut(p->m1 - p->m0, i, m_blocks), i1 = p->m0 + cut(p->m1 - p->m0, i + 1, m_blocks);
                if (small_k) strips_first(p, s, &t, i0, i1);
                else panels_first(p, s, &t, i0, i1);
            }
        }
}
