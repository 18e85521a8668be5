/* gemm_block.c - the blocking of one slice of a product, the same for every kind and every CPU
 * variant.
 *
 * The loops, from the outside in:
 *
 *     columns of C      so many at a time
 *       blocks of k     GEMM_BLOCK_K long: a micro-panel of B then fits the L1 cache
 *         blocks of m   GEMM_BLOCK_M high: packed A then fits the L2 cache. Where all of A fits its
 *                       scratch (an expert's tokens do) there is one, packed once for all of k
 *           panels of B, packed when the first block of m needs them
 *             panels of A
 *               one tile of C in registers, over the block of k
 *
 * For example, y = x w^T with 100 tokens, K = 2048 and N = 4096 on AVX-512 (tiles of 8 x 48): all
 * of A is packed at once, 100 x 2064 elements. Then come 48 columns of C at a time, and for each of
 * them 8 blocks of k: a panel of B, 256 x 48 floats, is packed and used by 13 panels of A. So the
 * weights are read once, in the order in which they are stored, and while tiles compute, they
 * prefetch what will be packed next. Where A has more rows than its scratch holds, the blocks are
 * those of Goto and van de Geijn (2008).
 *
 * Where k is short, storing C is most of the work. Then the two innermost loops change places, so
 * that C is written along its rows. Between blocks of k the sums are stored in C, which keeps each
 * of them one chain of additions. */
#include "kernel/gemm_block.h"

#include <string.h>

enum {
    SMALL_K = 128,          /* up to this k, writing C is most of the work */
    SMALL_PACKED_B = 32768, /* elements of packed B that every panel of A then passes over */
    COPY_COLUMNS = 256, /* columns of B that are copied while the pages of their rows are cached */
    /* The same where B is stored in blocks: whole ones, of up to 256 columns, and whole panels */
    BLOCK_COLUMNS = 768,
    GRAIN_K = 128, /* blocks of k begin where bytes and block scales of every source do */
};

size_t gemm_scratch_bytes(void) { return sizeof(gemm_scratch); }

void gemm_block_begin(gemm_scratch *scratch) { scratch->packed_a_of.a = NULL; }

/* How a slice is blocked. */
typedef struct blocking {
    int64_t blocks;   /* of k */
    int64_t m_blocks; /* of rows */
    int64_t columns;  /* at once */
    int64_t packed;   /* panels of B that are packed at once */
    bool all_k;       /* A is packed for all of k */
    bool a_outer;     /* panels of A are the outer loop, panels of B the inner one */
} blocking;

static blocking blocking_of(const gemm_slice *p)
{
    int64_t k = gemm_words(p->kernels, p->group->k), panel = p->kernels->vecs * p->kernels->width;
    blocking o = { .blocks = k ? gemm_ceil(k, GEMM_BLOCK_K) : 1,
        .m_blocks = 1,
        .a_outer = p->group->k <= SMALL_K };
    bool nt = p->kind == GEMM_NT;
    bool in_blocks = !nt && p->group->b.format && p->group->b.format->block > 1;
    o.packed = nt ? 1 : (in_blocks ? BLOCK_COLUMNS : COPY_COLUMNS) / panel;
    o.all_k = gemm_a_in_place(p) || gemm_packed_a_size(p) <= GEMM_PACKED_A_SIZE;
    if (!o.all_k) o.m_blocks = gemm_ceil(p->m1 - p->m0, GEMM_BLOCK_M);
    if (o.a_outer) o.columns = gemm_min(GEMM_BLOCK_N, SMALL_PACKED_B / (k + 1) / panel * panel);
    else o.columns = o.all_k || in_blocks ? o.packed * panel : GEMM_BLOCK_N;
    return o;
}

static int64_t split_k(const gemm_slice *p, int64_t block, int64_t blocks)
{
    return gemm_min(
        gemm_split(gemm_ceil(p->group->k, GRAIN_K), block, blocks) * GRAIN_K, p->group->k);
}

/* The span of one block of k and of the columns from j on. After the last block of k comes the
 * first one of the next columns. */
static gemm_span span_at(const gemm_slice *p, const blocking *o, int64_t j, int64_t block)
{
    if (block == o->blocks) return span_at(p, o, j + o->columns, 0);
    gemm_span t = { .q0 = split_k(p, block, o->blocks),
        .q1 = split_k(p, block + 1, o->blocks),
        .j0 = j,
        .j1 = gemm_min(j + o->columns, p->n1) };
    t.vectors = gemm_ceil(t.j1 - t.j0, p->kernels->width);
    t.panels = gemm_ceil(t.vectors, p->kernels->vecs);
    return t;
}

/* ---- prefetching ---- */

/* Rows of memory that the coming tiles prefetch, `share` of them each; `left` are not yet asked
 * for. */
typedef struct prefetch_plan {
    gemm_prefetch next;
    int64_t left, share;
} prefetch_plan;

/* Plans to prefetch the part of B that t's panels from `index` on will be packed from, during the
 * next `tiles` tiles. */
static prefetch_plan prefetch_b(const gemm_slice *p, const gemm_scratch *s, const blocking *o,
    const gemm_span *t, int64_t index, int64_t tiles)
{
    const gemm_group *g = p->group;
    if (t->j0 >= p->n1 || g->b_rows) return (prefetch_plan){ 0 };
    int64_t last = gemm_min(index + o->packed, t->panels) - 1;
    gemm_b_panel from = gemm_b_panel_at(p, s, t, index), to = gemm_b_panel_at(p, s, t, last);
    int64_t columns = to.j + to.used - from.j, stride = gemm_b_bytes(g);
    bool nt = p->kind == GEMM_NT;
    prefetch_plan f = { .left = nt ? columns : t->q1 - t->q0 };
    f.share = gemm_ceil(f.left, tiles);
    f.next.at = nt ? gemm_b_at(g, from.j, t->q0) : gemm_b_at(g, t->q0, from.j);
    f.next.stride = stride;
    return f;
}

/* Plans to prefetch a packed panel of t, which has left the L1 cache since it was packed, during
 * the tiles of the panel before it. */
static prefetch_plan prefetch_panel(
    const gemm_slice *p, const gemm_scratch *s, const gemm_span *t, int64_t index, int64_t tiles)
{
    if (index >= t->panels) return (prefetch_plan){ 0 };
    gemm_b_panel v = gemm_b_panel_at(p, s, t, index);
    prefetch_plan f = { .left = v.vecs * p->kernels->width };
    f.share = gemm_ceil(f.left, tiles);
    f.next.at = (const char *)v.b;
    f.next.stride = gemm_words(p->kernels, t->q1 - t->q0) * (int64_t)sizeof(real);
    return f;
}

/* Plans to prefetch the next product's B, a block of a cache, whose rows lie end to end, during the
 * tiles of this one. Without it, packing that block would wait for memory. */
static prefetch_plan prefetch_next(const gemm_slice *p, const gemm_span *t, int64_t tiles)
{
    enum { MOST = 1 << 16, LINE = 64, SEGMENT = 16 };
    int64_t bytes = p->group->k * gemm_b_bytes(p->group),
            row = gemm_ceil(t->q1 - t->q0, SEGMENT) * LINE;
    if (!p->next_b || p->kind != GEMM_NN || p->group->b_rows || bytes > MOST || !row)
        return (prefetch_plan){ 0 };
    prefetch_plan f = { .left = gemm_ceil(bytes, row) };
    f.share = gemm_ceil(f.left, tiles);
    f.next.at = p->next_b;
    f.next.stride = row;
    return f;
}

/* What the next tile prefetches. */
static gemm_prefetch prefetch_share(prefetch_plan *f, const real *c)
{
    gemm_prefetch share = f->next;
    share.c = c;
    share.rows = gemm_min(f->share, f->left);
    f->next.at += share.rows * share.stride;
    f->left -= share.rows;
    return share;
}

/* ---- the two innermost loops ---- */

static const real zeros[GEMM_MAX_PANEL];

/* Computes one tile of C. Where the panel of B reaches beyond the last column, the tile computes in
 * scratch, and the columns that exist are copied. */
static void run_tile(const gemm_slice *p, gemm_scratch *s, const gemm_span *t,
    const gemm_operand *a, const gemm_a_panel *panel_a, const gemm_b_panel *v,
    prefetch_plan *coming)
{
    const gemm_group *g = p->group;
    gemm_tile *tile = p->kernels->tile[panel_a->rows - 1][v->vecs - 1];
    int64_t k = gemm_words(p->kernels, t->q1 - t->q0), panel = v->vecs * p->kernels->width,
            stride = g->c_stride, rows = panel_a->rows;
    const real *at = gemm_a_at(a, panel_a->first, gemm_words(p->kernels, t->q0 - a->q0));
    real *c = g->c + panel_a->first * stride + v->j;
    bool load = p->accumulate || t->q0 > 0;
    gemm_prefetch prefetch = prefetch_share(coming, c + rows * stride);
    uint32_t before = p->kernels->begin ? p->kernels->begin() : 0;
    if (v->used == panel) {
        tile(k, at, a->row, a->step, v->b, v->step, load ? c : zeros, load ? stride : 0, c, stride,
            &prefetch);
        if (p->kernels->end) p->kernels->end(before);
        return;
    }
    size_t bytes = (size_t)v->used * sizeof *c;
    for (int64_t r = 0; load && r < rows; r++) memcpy(s->edge + r * panel, c + r * stride, bytes);
    tile(k, at, a->row, a->step, v->b, v->step, load ? s->edge : zeros, load ? panel : 0, s->edge,
        panel, &prefetch);
    if (p->kernels->end) p->kernels->end(before);
    for (int64_t r = 0; r < rows; r++) memcpy(c + r * stride, s->edge + r * panel, bytes);
}

/* A panel of B stays in the L1 cache while all panels of A pass over it. */
static void b_panels_outer(const gemm_slice *p, gemm_scratch *s, const blocking *o,
    const gemm_span *t, const gemm_span *next, const gemm_operand *a, int64_t i0, int64_t i1)
{
    int64_t a_panels = gemm_ceil(i1 - i0, p->kernels->rows), ready = i0 == p->m0 ? 0 : t->panels;
    prefetch_plan coming = { .left = 0 };
    for (int64_t index = 0; index < t->panels; index++) {
        if (index >= ready) {
            ready = gemm_min(index + o->packed, t->panels);
            gemm_pack_b(p, s, t, index, ready);
            coming = prefetch_b(p, s, o, ready < t->panels ? t : next, ready % t->panels,
                (ready - index) * a_panels);
        } else if (i0 > p->m0) coming = prefetch_panel(p, s, t, index + 1, a_panels);
        gemm_b_panel v = gemm_b_panel_at(p, s, t, index);
        for (int64_t i = 0; i < a_panels; i++) {
            gemm_a_panel panel_a = gemm_a_panel_at(p, i0, i1, i);
            run_tile(p, s, t, a, &panel_a, &v, &coming);
        }
    }
}

/* C is written along its rows, which is the order that memory is fastest in. */
static void a_panels_outer(const gemm_slice *p, gemm_scratch *s, const gemm_span *t,
    const gemm_operand *a, int64_t i0, int64_t i1)
{
    int64_t a_panels = gemm_ceil(i1 - i0, p->kernels->rows);
    prefetch_plan coming = { .left = 0 };
    if (i0 == p->m0) gemm_pack_b(p, s, t, 0, t->panels);
    if (t->j1 == p->n1) coming = prefetch_next(p, t, a_panels * t->panels);
    for (int64_t i = 0; i < a_panels; i++) {
        gemm_a_panel panel_a = gemm_a_panel_at(p, i0, i1, i);
        for (int64_t index = 0; index < t->panels; index++) {
            gemm_b_panel v = gemm_b_panel_at(p, s, t, index);
            run_tile(p, s, t, a, &panel_a, &v, &coming);
        }
    }
}

/* ---- skinny products, and the three outer loops ---- */

/* The skinny product of the slice's rows and the columns from j on. a: pointers to the rows */
static gemm_skinny skinny_at(
    const gemm_slice *p, const real *a[GEMM_SKINNY_ROWS], int64_t j, int64_t columns)
{
    const gemm_group *g = p->group;
    int64_t rows = p->m1 - p->m0;
    bool nt = p->kind == GEMM_NT;
    for (int64_t i = 0; i < rows; i++)
        a[i] = g->a + (g->a_rows ? g->a_rows[p->m0 + i] : p->m0 + i) * g->a_stride;
    return (gemm_skinny){ .rows = rows,
        .columns = columns,
        .k = g->k,
        .a = a,
        .b = gemm_b_at(g, nt ? j : 0, nt ? 0 : j),
        .b_stride = gemm_b_bytes(g),
        .block_scales = number_block_scales_from(g->b.block_scales, nt ? j : 0, 0),
        .c = g->c + p->m0 * g->c_stride + j,
        .c_stride = g->c_stride,
        .accumulate = p->accumulate };
}

/* Where A has few rows, computes the columns of C without packing, eight or more at a time. Returns
 * the first column that is left, p->n0 where the product is not skinny. */
static int64_t skinny_nt(const gemm_slice *p)
{
    const gemm_group *g = p->group;
    int source = gemm_source_of(g);
    int64_t j = p->n0;
    const real *a[GEMM_SKINNY_ROWS];
    if (source == GEMM_SOURCES || !p->kernels->skinny[source]) return j;
    for (int64_t columns; j + GEMM_SKINNY_GRAIN <= p->n1; j += columns) {
        columns =
            gemm_min(GEMM_SKINNY_COLUMNS, (p->n1 - j) / GEMM_SKINNY_GRAIN * GEMM_SKINNY_GRAIN);
        gemm_skinny f = skinny_at(p, a, j, columns);
        const char *next = p->next_b ? p->next_b : f.b;
        f.prefetch = j + columns < p->n1 ? gemm_b_at(g, j + columns, 0) : next;
        p->kernels->skinny[source](&f);
    }
    return j;
}

/* The same where B's rows run along the columns, and are short: a kernel walks down them. */
static int64_t skinny_nn(const gemm_slice *p)
{
    const gemm_group *g = p->group;
    int source = gemm_source_of(g);
    int64_t columns = (p->n1 - p->n0) / p->kernels->width * p->kernels->width;
    const real *a[GEMM_SKINNY_ROWS];
    if (source == GEMM_SOURCES || !p->kernels->in_place[source] || !columns) return p->n0;
    if (g->n > GEMM_IN_PLACE_COLUMNS || (g->b.format && p->n0 % g->b.format->block)) return p->n0;
    gemm_skinny f = skinny_at(p, a, p->n0, columns);
    f.prefetch = p->next_b ? p->next_b : f.b;
    p->kernels->in_place[source](&f);
    return p->n0 + columns;
}

static int64_t skinny_columns(const gemm_slice *p)
{
    if (p->m1 - p->m0 > GEMM_SKINNY_ROWS || p->kind == GEMM_TN || p->group->b_rows) return p->n0;
    if (p->kernels->per_word) return p->n0; /* operands are rounded while they are packed */
    return p->kind == GEMM_NT ? skinny_nt(p) : skinny_nn(p);
}

void gemm_block(const gemm_slice *slice, gemm_scratch *s)
{
    gemm_slice rest = *slice, *p = &rest;
    rest.n0 = skinny_columns(slice);
    const blocking o = blocking_of(p);
    int64_t k = p->group->k, m = p->m1 - p->m0;
    if (k == 0 && p->accumulate) return;
    for (int64_t j = p->n0; j < p->n1; j += o.columns)
        for (int64_t b = 0; b < o.blocks; b++) {
            gemm_span t = span_at(p, &o, j, b), next = span_at(p, &o, j, b + 1);
            for (int64_t i = 0; i < o.m_blocks; i++) {
                int64_t i0 = p->m0 + gemm_split(m, i, o.m_blocks),
                        i1 = p->m0 + gemm_split(m, i + 1, o.m_blocks);
                gemm_operand a = gemm_pack_a(p, s, i0, i1, o.all_k ? 0 : t.q0, o.all_k ? k : t.q1);
                if (o.a_outer) a_panels_outer(p, s, &t, &a, i0, i1);
                else b_panels_outer(p, s, &o, &t, &next, &a, i0, i1);
            }
        }
}
