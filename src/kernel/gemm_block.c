/* gemm_block.c - the blocking of one part of a product, the same for every kind and every CPU
 * variant.
 *
 * A block of k of one panel of y stays in the first-level cache while all strips of x pass by.
 * Where all of x fits its scratch (few rows: an expert's tokens), columns are the outer loop and k
 * the inner one: weights are read once, in the order in which they lie, and the next ones are
 * fetched while tiles compute. Else blocks are as in Goto and van de Geijn (2008): a block of y for
 * many blocks of x. Between blocks of k the sums rest in c, which keeps each of them one chain. */
#include "kernel/gemm_block.h"

#include <string.h>

enum {
    SMALL_K = 128,      /* up to here writing c is most of the work */
    SMALL_Y = 32768,    /* reals of y that such a product goes through again and again */
    COPY_COLUMNS = 256, /* columns of b that are copied while their rows' pages are at hand */
    GRAIN_K = 128,      /* blocks of k begin where bytes and factors of every source do */
};

size_t gemm_scratch_bytes(void) { return sizeof(gemm_scratch); }

void gemm_block_begin(gemm_scratch *scratch) { scratch->x_is.a = NULL; }

/* How a part is cut. */
typedef struct blocking {
    int64_t blocks;   /* of k */
    int64_t m_blocks; /* of rows */
    int64_t columns;  /* at once */
    int64_t packed;   /* panels of y packed at once */
    bool whole;       /* x is packed for all of k */
    bool strips;      /* strip by strip, not panel by panel */
} blocking;

static blocking blocking_of(const gemm_part *p)
{
    int64_t k = p->group->k, panel = p->kernels->vecs * p->kernels->width;
    blocking o = {
        .blocks = k ? gemm_ceil(k, GEMM_BLOCK_K) : 1, .m_blocks = 1, .strips = k <= SMALL_K
    };
    o.packed = p->kind == GEMM_NT ? 1 : COPY_COLUMNS / panel;
    o.whole = gemm_x_in_place(p) || gemm_x_size(p) <= GEMM_X_SIZE;
    if (!o.whole) o.m_blocks = gemm_ceil(p->m1 - p->m0, GEMM_BLOCK_M);
    if (o.strips) o.columns = gemm_min(GEMM_BLOCK_N, SMALL_Y / (k + 1) / panel * panel);
    else o.columns = o.whole ? o.packed * panel : GEMM_BLOCK_N;
    return o;
}

static int64_t cut_k(const gemm_part *p, int64_t block, int64_t blocks)
{
    return gemm_min(
        gemm_cut(gemm_ceil(p->group->k, GRAIN_K), block, blocks) * GRAIN_K, p->group->k);
}

/* The span of columns from j on and of k's block; past the last block, the first one of the next
 * columns. */
static gemm_span span_at(const gemm_part *p, const blocking *o, int64_t j, int64_t block)
{
    if (block == o->blocks) return span_at(p, o, j + o->columns, 0);
    gemm_span t = { .q0 = cut_k(p, block, o->blocks),
        .q1 = cut_k(p, block + 1, o->blocks),
        .j0 = j,
        .j1 = gemm_min(j + o->columns, p->n1) };
    t.vectors = gemm_ceil(t.j1 - t.j0, p->kernels->width);
    t.panels = gemm_ceil(t.vectors, p->kernels->vecs);
    return t;
}

/* The part of b that t's panels from `index` on will be packed of, to be fetched by the next
 * `tiles` tiles: `share` rows each. */
typedef struct fetch {
    gemm_ahead ahead;
    int64_t left, share;
} fetch;

static fetch fetch_begin(const gemm_part *p, const gemm_scratch *s, const blocking *o,
    const gemm_span *t, int64_t index, int64_t tiles)
{
    const gemm_group *g = p->group;
    if (t->j0 >= p->n1 || g->b_rows) return (fetch){ 0 };
    int64_t last = gemm_min(index + o->packed, t->panels) - 1;
    gemm_panel from = gemm_panel_at(p, s, t, index), to = gemm_panel_at(p, s, t, last);
    int64_t columns = to.j + to.used - from.j, stride = gemm_b_bytes(g);
    bool nt = p->kind == GEMM_NT;
    fetch f = { .left = nt ? columns : t->q1 - t->q0 };
    f.share = gemm_ceil(f.left, tiles);
    f.ahead.at = nt ? gemm_b_at(g, from.j, t->q0) : gemm_b_at(g, t->q0, from.j);
    f.ahead.stride = stride;
    return f;
}

/* A packed panel of t, to be fetched again, by the tiles of the one before it. */
static fetch fetch_panel(
    const gemm_part *p, const gemm_scratch *s, const gemm_span *t, int64_t index, int64_t tiles)
{
    if (index >= t->panels) return (fetch){ 0 };
    gemm_panel v = gemm_panel_at(p, s, t, index);
    fetch f = { .left = v.vecs * p->kernels->width };
    f.share = gemm_ceil(f.left, tiles);
    f.ahead.at = (const char *)v.y;
    f.ahead.stride = (t->q1 - t->q0) * (int64_t)sizeof(real);
    return f;
}

/* The next tile's share. */
static gemm_ahead fetch_share(fetch *f, const real *c)
{
    gemm_ahead ahead = f->ahead;
    ahead.c = c;
    ahead.rows = gemm_min(f->share, f->left);
    f->ahead.at += ahead.rows * ahead.stride;
    f->left -= ahead.rows;
    return ahead;
}

static const real zeros[GEMM_MAX_PANEL];

/* One tile of c. Where the panel reaches over the last column, by way of scratch. */
static void run_tile(const gemm_part *p, gemm_scratch *s, const gemm_span *t, const gemm_operand *x,
    const gemm_strip *strip, const gemm_panel *v, fetch *coming)
{
    const gemm_group *g = p->group;
    gemm_tile *tile = p->kernels->tile[strip->rows - 1][v->vecs - 1];
    int64_t k = t->q1 - t->q0, panel = v->vecs * p->kernels->width, stride = g->c_stride,
            rows = strip->rows;
    const real *at = gemm_x_at(x, strip->first, t->q0);
    real *c = g->c + strip->first * stride + v->j;
    bool load = p->accumulate || t->q0 > 0;
    gemm_ahead ahead = fetch_share(coming, c + rows * stride);
    if (v->used == panel) {
        tile(k, at, x->row, x->step, v->y, v->step, load ? c : zeros, load ? stride : 0, c, stride,
            &ahead);
        return;
    }
    size_t bytes = (size_t)v->used * sizeof *c;
    for (int64_t r = 0; load && r < rows; r++) memcpy(s->edge + r * panel, c + r * stride, bytes);
    tile(k, at, x->row, x->step, v->y, v->step, load ? s->edge : zeros, load ? panel : 0, s->edge,
        panel, &ahead);
    for (int64_t r = 0; r < rows; r++) memcpy(c + r * stride, s->edge + r * panel, bytes);
}

/* Panel by panel: the panel stays in the first-level cache while the strips of x pass. */
static void panels_first(const gemm_part *p, gemm_scratch *s, const blocking *o, const gemm_span *t,
    const gemm_span *next, const gemm_operand *x, int64_t i0, int64_t i1)
{
    int64_t strips = gemm_ceil(i1 - i0, p->kernels->rows), ready = i0 == p->m0 ? 0 : t->panels;
    fetch coming = { .left = 0 };
    for (int64_t index = 0; index < t->panels; index++) {
        if (index >= ready) {
            ready = gemm_min(index + o->packed, t->panels);
            gemm_pack_y(p, s, t, index, ready);
            coming = fetch_begin(
                p, s, o, ready < t->panels ? t : next, ready % t->panels, (ready - index) * strips);
        } else if (i0 > p->m0) coming = fetch_panel(p, s, t, index + 1, strips);
        gemm_panel v = gemm_panel_at(p, s, t, index);
        for (int64_t i = 0; i < strips; i++) {
            gemm_strip strip = gemm_strip_at(p, i0, i1, i);
            run_tile(p, s, t, x, &strip, &v, &coming);
        }
    }
}

/* Strip by strip: c is written along its rows, as memory likes it. */
static void strips_first(const gemm_part *p, gemm_scratch *s, const gemm_span *t,
    const gemm_operand *x, int64_t i0, int64_t i1)
{
    int64_t strips = gemm_ceil(i1 - i0, p->kernels->rows);
    fetch none = { .left = 0 };
    if (i0 == p->m0) gemm_pack_y(p, s, t, 0, t->panels);
    for (int64_t i = 0; i < strips; i++) {
        gemm_strip strip = gemm_strip_at(p, i0, i1, i);
        for (int64_t index = 0; index < t->panels; index++) {
            gemm_panel v = gemm_panel_at(p, s, t, index);
            run_tile(p, s, t, x, &strip, &v, &none);
        }
    }
}

/* Few rows: eight columns at least of a product that never packs. Returns the first column that is
 * left. */
static int64_t few_columns(const gemm_part *p)
{
    const gemm_group *g = p->group;
    int64_t rows = p->m1 - p->m0, j = p->n0;
    int source = gemm_source_of(g);
    if (p->kind != GEMM_NT || rows > GEMM_FEW_ROWS || source == GEMM_SOURCES ||
        !p->kernels->few[source])
        return j;
    const real *a[GEMM_FEW_ROWS];
    for (int64_t i = 0; i < rows; i++)
        a[i] = g->a + (g->a_rows ? g->a_rows[p->m0 + i] : p->m0 + i) * g->a_stride;
    for (int64_t columns; j + GEMM_FEW_GRAIN <= p->n1; j += columns) {
        columns = gemm_min(GEMM_FEW_COLUMNS, (p->n1 - j) / GEMM_FEW_GRAIN * GEMM_FEW_GRAIN);
        const char *b = gemm_b_at(g, j, 0), *next = p->next_b ? p->next_b : b;
        gemm_few f = { .rows = rows,
            .columns = columns,
            .k = g->k,
            .a = a,
            .b = b,
            .b_stride = gemm_b_bytes(g),
            .factors = number_factors_from(g->b.factors, j, 0),
            .c = g->c + p->m0 * g->c_stride + j,
            .c_stride = g->c_stride,
            .accumulate = p->accumulate,
            .ahead = j + columns < p->n1 ? gemm_b_at(g, j + columns, 0) : next };
        p->kernels->few[source](&f);
    }
    return j;
}

void gemm_block(const gemm_part *whole, gemm_scratch *s)
{
    gemm_part rest = *whole, *p = &rest;
    rest.n0 = few_columns(whole);
    const blocking o = blocking_of(p);
    int64_t k = p->group->k, m = p->m1 - p->m0;
    if (k == 0 && p->accumulate) return;
    for (int64_t j = p->n0; j < p->n1; j += o.columns)
        for (int64_t b = 0; b < o.blocks; b++) {
            gemm_span t = span_at(p, &o, j, b), next = span_at(p, &o, j, b + 1);
            for (int64_t i = 0; i < o.m_blocks; i++) {
                int64_t i0 = p->m0 + gemm_cut(m, i, o.m_blocks),
                        i1 = p->m0 + gemm_cut(m, i + 1, o.m_blocks);
                gemm_operand x = gemm_pack_x(p, s, i0, i1, o.whole ? 0 : t.q0, o.whole ? k : t.q1);
                if (o.strips) strips_first(p, s, &t, &x, i0, i1);
                else panels_first(p, s, &o, &t, &next, &x, i0, i1);
            }
        }
}
