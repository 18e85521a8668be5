/* gemm_pack.c - packing: operands are put into the order in which tiles read them, and are
 * gathered, transposed and unpacked to floats on the way.
 *
 * In NT the rows of B run along k: they are transposed, as many rows at a time as a vector has
 * lanes. In NN and TN they run along n: they are copied. A is read in place where its rows lie near
 * each other. Else its rows are copied together (NT, NN), or, where they run along m (TN), are
 * split into groups of GEMM_GROUP columns. */
#include "kernel/gemm_pack.h"

#include <string.h>

enum {
    VALUES_STRIDE = GEMM_BLOCK_K + GEMM_GAP,
    GEMM_ROUNDED = GEMM_SOURCES + 1, /* B is rounded, whatever it is stored as */
};
_Static_assert(GEMM_MAX_WIDTH *VALUES_STRIDE + 2 * GEMM_BLOCK_K <= GEMM_COPY_ROWS * GEMM_BLOCK_N,
    "rows of B, and one that is not yet rounded, fit scratch memory");

/* Where A is a single micro-panel, B is read once, which does not pay for packing it. Its rows must
 * be short, for a tile walks down them. */
static bool b_in_place(const gemm_slice *p)
{
    const gemm_group *g = p->group;
    if (p->kind == GEMM_NT || p->kernels->per_word || gemm_source_of(g) != GEMM_FLOAT || g->b_rows)
        return false;
    return p->m1 - p->m0 <= p->kernels->rows && p->n1 - p->n0 <= 128;
}

static int64_t panel_offset(const gemm_slice *p, const gemm_span *t, int64_t index)
{
    return gemm_split(t->vectors, index, t->panels) * p->kernels->width *
               gemm_words(p->kernels, t->q1 - t->q0) +
           index * GEMM_GAP;
}

gemm_b_panel gemm_b_panel_at(
    const gemm_slice *p, const gemm_scratch *s, const gemm_span *t, int64_t index)
{
    int64_t first = gemm_split(t->vectors, index, t->panels),
            vecs = gemm_split(t->vectors, index + 1, t->panels) - first;
    int64_t width = vecs * p->kernels->width, j = t->j0 + first * p->kernels->width,
            used = gemm_min(width, t->j1 - j);
    gemm_b_panel v = { s->packed_b + panel_offset(p, t, index), width, j, used, (int)vecs, true };
    if (used < width || !b_in_place(p)) return v;
    v.b = (const real *)p->group->b.data + t->q0 * p->group->b.stride + j;
    v.step = p->group->b.stride;
    v.packed = false;
    return v;
}

int gemm_source_of(const gemm_group *g)
{
    const number_format *f = g->b.format;
    if (!f || (f == &number_f32 && !REAL_IS_DOUBLE)) return GEMM_FLOAT;
    const number_block_scale_form *scales = g->b.block_scales.form;
    if (f == &number_f8_e4m3)
        return scales && scales->leading && scales->cols % 128 == 0 ? GEMM_F8 : GEMM_SOURCES;
    if (scales)
        return scales == &number_block_scale_e8m0 && f == &number_e2m1 ? GEMM_E2M1 : GEMM_SOURCES;
    if (f == &number_q8_0) return g->b.stride % f->block ? GEMM_SOURCES : GEMM_Q8_0;
    return f == &number_f16 ? GEMM_F16 : f == &number_bf16 ? GEMM_BF16 : GEMM_SOURCES;
}

const char *gemm_b_at(const gemm_group *g, int64_t row, int64_t column)
{
    int64_t at = row * g->b.stride + column;
    return (const char *)g->b.data +
           (g->b.format ? (int64_t)number_row_bytes(g->b.format, at) : at * (int64_t)sizeof(real));
}

int64_t gemm_b_bytes(const gemm_group *g) { return gemm_b_at(g, 1, 0) - (const char *)g->b.data; }

/* Unpacks `count` elements of a stored row of B, from column `from` on, to floats in `out`. */
static void unpack_row(
    const gemm_slice *p, gemm_scratch *s, int64_t row, int64_t from, int64_t count, real *out)
{
    const number_format *f = p->group->b.format;
    int source = gemm_source_of(p->group);
    int64_t skip = (row * p->group->b.stride + from) % f->block;
    const char *blocks = gemm_b_at(p->group, row, from - skip);
    int64_t whole = gemm_ceil(skip + count, f->block) * f->block;
    if (source < GEMM_SOURCES && p->kernels->unpack[source] && whole == count) {
        p->kernels->unpack[source](blocks, out, count);
        return;
    }
    if (!REAL_IS_DOUBLE && whole == count && !p->group->b.block_scales.form) {
        f->unpack(blocks, (float *)(void *)out, count);
        return;
    }
    f->unpack(blocks, s->unpacked, whole);
    number_apply_block_scales(
        &p->group->b.block_scales, row, from - skip, skip + count, s->unpacked);
    for (int64_t i = 0; i < count; i++) out[i] = (real)s->unpacked[skip + i];
}

/* The same, rounded and packed in words. */
static void round_row(
    const gemm_slice *p, gemm_scratch *s, int64_t row, int64_t from, int64_t count, real *out)
{
    const real *in = (const real *)p->group->b.data + row * p->group->b.stride + from;
    real *plain = s->values + GEMM_MAX_WIDTH * VALUES_STRIDE;
    if (gemm_source_of(p->group) != GEMM_FLOAT)
        unpack_row(p, s, row, from, count, plain), in = plain;
    p->kernels->round_row(count, in, GEMM_PAD_B, out);
}

/* One vector of a panel: `rows` rows of B from row j on, transposed. Lanes after the last row are
 * zero. */
static void transpose_rows(const gemm_slice *p, gemm_scratch *s, const gemm_span *t, int64_t j,
    int64_t rows, real *out, int64_t step)
{
    const gemm_group *g = p->group;
    int64_t k = gemm_words(p->kernels, t->q1 - t->q0), width = p->kernels->width;
    int source = p->kernels->per_word ? GEMM_ROUNDED : gemm_source_of(g);
    gemm_stored in = { gemm_b_at(g, j, t->q0), gemm_b_bytes(g),
        number_block_scales_from(g->b.block_scales, j, t->q0) };
    if (source != GEMM_FLOAT &&
        (rows < width || source >= GEMM_SOURCES || !p->kernels->transpose[source])) {
        for (int64_t r = 0; r < rows; r++)
            (source == GEMM_ROUNDED ? round_row : unpack_row)(
                p, s, j + r, t->q0, t->q1 - t->q0, s->values + r * VALUES_STRIDE);
        in = (gemm_stored){ .at = (const char *)s->values,
            .stride = VALUES_STRIDE * (int64_t)sizeof(real) };
        source = GEMM_FLOAT;
    }
    if (rows == width) {
        p->kernels->transpose[source](&in, k, out, step);
        return;
    }
    for (int64_t q = 0; q < k; q++)
        for (int64_t r = 0; r < width; r++)
            out[q * step + r] = r < rows ? ((const real *)(in.at + r * in.stride))[q] : 0;
}

/* Rows that copy_to_panel reads: row i begins at + (rows ? rows[i] : i) * stride, with column
 * `j`. */
typedef struct source {
    const real *at;
    const int32_t *rows;
    int64_t stride, j;
} source;

static source source_of(
    const gemm_slice *p, gemm_scratch *s, int64_t q, int64_t count, int64_t j0, int64_t j1)
{
    const gemm_group *g = p->group;
    const int32_t *rows = g->b_rows ? g->b_rows + q : NULL;
    if (gemm_source_of(g) == GEMM_FLOAT)
        return (source){ (const real *)g->b.data + (rows ? 0 : q * g->b.stride) + j0, rows,
            g->b.stride, j0 };
    for (int64_t i = 0; i < count; i++)
        unpack_row(p, s, rows ? rows[i] : q + i, j0, j1 - j0, s->values + i * GEMM_BLOCK_N);
    return (source){ s->values, NULL, GEMM_BLOCK_N, j0 };
}

static void copy_to_panel(
    const gemm_slice *p, const source *from, const gemm_b_panel *v, int64_t count, real *out)
{
    int64_t width = v->vecs * p->kernels->width;
    const real *in = from->at + v->j - from->j;
    if (p->kernels->per_word) {
        gemm_rows rows = { in, from->stride, from->rows, v->used, GEMM_PAD_B };
        p->kernels->round_rows(&rows, count, width, out);
        return;
    }
    if (v->used == width) {
        p->kernels->copy(v->vecs, count, in, from->stride, from->rows, out);
        return;
    }
    for (int64_t i = 0; i < count; i++, out += width) {
        const real *row = in + (from->rows ? from->rows[i] : i) * from->stride;
        for (int64_t r = 0; r < width; r++) out[r] = r < v->used ? row[r] : 0;
    }
}

void gemm_pack_b(
    const gemm_slice *p, gemm_scratch *s, const gemm_span *t, int64_t first, int64_t last)
{
    int64_t width = p->kernels->width;
    for (int64_t index = first; p->kind == GEMM_NT && index < last; index++) {
        gemm_b_panel v = gemm_b_panel_at(p, s, t, index);
        real *out = s->packed_b + panel_offset(p, t, index);
        for (int64_t r = 0; r < v.used; r += width)
            transpose_rows(p, s, t, v.j + r, gemm_min(width, v.used - r), out + r, v.step);
    }
    if (p->kind == GEMM_NT) return;
    gemm_b_panel begin = gemm_b_panel_at(p, s, t, first), end = gemm_b_panel_at(p, s, t, last - 1);
    for (int64_t q = t->q0; q < t->q1; q += GEMM_COPY_ROWS) {
        int64_t count = gemm_min(GEMM_COPY_ROWS, t->q1 - q);
        source from = source_of(p, s, q, count, begin.j, end.j + end.used);
        for (int64_t index = first; index < last; index++) {
            gemm_b_panel v = gemm_b_panel_at(p, s, t, index);
            if (v.packed)
                copy_to_panel(p, &from, &v, count,
                    s->packed_b + panel_offset(p, t, index) +
                        gemm_words(p->kernels, q - t->q0) * v.step);
        }
    }
}

/* ---- A ---- */

bool gemm_a_in_place(const gemm_slice *p)
{
    return p->kind != GEMM_TN && !p->kernels->per_word && !p->group->a_rows &&
           p->group->a_stride <= 512;
}

/* An odd number of cache lines, so that the rows do not all fall into one set of the cache. */
static int64_t packed_stride(int64_t k) { return gemm_ceil(k, 32) * 32 + 16; }

static int64_t group_size(int64_t k) { return k * GEMM_GROUP + GEMM_GAP; }

int64_t gemm_packed_a_size(const gemm_slice *p)
{
    int64_t m = p->m1 - p->m0, k = gemm_words(p->kernels, p->group->k);
    return p->kind == GEMM_TN ? gemm_ceil(m, GEMM_GROUP) * group_size(k) : m * packed_stride(k);
}

static const real *a_row(const gemm_group *g, int64_t i)
{
    return g->a + (g->a_rows ? g->a_rows[i] : i) * g->a_stride;
}

static void pack_rows(
    const gemm_slice *p, real *out, int64_t i0, int64_t i1, int64_t q0, int64_t q1)
{
    enum { AHEAD = 4 }; /* rows: gathered ones lie anywhere, which no hardware foresees */
    const gemm_group *g = p->group;
    const gemm_kernels *kernels = p->kernels;
    for (int64_t i = i0; i < i1; i++, out += packed_stride(gemm_words(kernels, q1 - q0))) {
        const real *coming = a_row(g, gemm_min(i + AHEAD, i1 - 1)) + q0;
        for (int64_t q = 0; g->a_rows && q < q1 - q0; q += 16) __builtin_prefetch(coming + q, 0, 3);
        if (kernels->per_word) kernels->round_row(q1 - q0, a_row(g, i) + q0, GEMM_PAD_A, out);
        else memcpy(out, a_row(g, i) + q0, (size_t)(q1 - q0) * sizeof *out);
    }
}

/* The same as pack_groups, rounded and packed in words. */
static void round_groups(
    const gemm_slice *p, real *out, int64_t i0, int64_t i1, int64_t q0, int64_t q1)
{
    const gemm_group *g = p->group;
    int64_t size = group_size(gemm_words(p->kernels, q1 - q0));
    for (int64_t q = q0; q < q1; q += GEMM_COPY_ROWS) {
        real *to = out + gemm_words(p->kernels, q - q0) * GEMM_GROUP;
        gemm_rows rows = { g->a + (g->a_rows ? 0 : q * g->a_stride), g->a_stride,
            g->a_rows ? g->a_rows + q : NULL, 0, GEMM_PAD_A };
        for (int64_t i = i0; i < i1; i += GEMM_GROUP, to += size) {
            gemm_rows some = rows;
            some.at += i;
            some.columns = gemm_min(GEMM_GROUP, i1 - i);
            p->kernels->round_rows(&some, gemm_min(GEMM_COPY_ROWS, q1 - q), GEMM_GROUP, to);
        }
    }
}

/* TN: the rows of A run along m. The columns i0..i1 of each are copied, in groups [k,
 * GEMM_GROUP]. */
static void pack_groups(
    const gemm_slice *p, real *out, int64_t i0, int64_t i1, int64_t q0, int64_t q1)
{
    const gemm_group *g = p->group;
    if (p->kernels->per_word) {
        round_groups(p, out, i0, i1, q0, q1);
        return;
    }
    for (int64_t q = q0; q < q1; q += GEMM_COPY_ROWS) {
        int64_t count = gemm_min(GEMM_COPY_ROWS, q1 - q);
        const real *from[GEMM_COPY_ROWS];
        for (int64_t r = 0; r < count; r++) from[r] = a_row(g, q + r);
        real *to = out + (q - q0) * GEMM_GROUP;
        int64_t i = i0;
        for (; i + GEMM_GROUP <= i1; i += GEMM_GROUP, to += group_size(q1 - q0))
            for (int64_t r = 0; r < count; r++)
                memcpy(to + r * GEMM_GROUP, from[r] + i, GEMM_GROUP * sizeof *to);
        for (int64_t r = 0; i < i1 && r < count; r++)
            memcpy(to + r * GEMM_GROUP, from[r] + i, (size_t)(i1 - i) * sizeof *to);
    }
}

gemm_operand gemm_pack_a(
    const gemm_slice *p, gemm_scratch *s, int64_t i0, int64_t i1, int64_t q0, int64_t q1)
{
    const gemm_group *g = p->group;
    if (gemm_a_in_place(p))
        return (gemm_operand){ g->a + i0 * g->a_stride + q0, i0, q0, g->a_stride, 1, 0 };
    const gemm_packed_range wish = { g->a, g->a_rows, i0, i1, q0, q1 }, *is = &s->packed_a_of;
    bool tn = p->kind == GEMM_TN;
    if (is->a != g->a || is->rows != g->a_rows || is->i0 != i0 || is->i1 != i1 || is->q0 != q0 ||
        is->q1 != q1) {
        (tn ? pack_groups : pack_rows)(p, s->packed_a, i0, i1, q0, q1);
        s->packed_a_of = wish;
    }
    int64_t words = gemm_words(p->kernels, q1 - q0);
    if (tn) return (gemm_operand){ s->packed_a, i0, q0, 1, GEMM_GROUP, group_size(words) };
    return (gemm_operand){ s->packed_a, i0, q0, packed_stride(words), 1, 0 };
}
