/* optimizer_muon.c - Muon (Jordan et al. 2024; scaled as in Liu et al. 2025, "Muon is scalable for
 * LLM training"). The update of a matrix is its momentum, orthogonalised: five Newton-Schulz
 * iterations bring all singular values near 1. Each expert's gate, up and down are a matrix each.
 * AdamW updates routers, embeddings, the head and vectors, at the same rate. With g the gradient,
 * m the momentum:
 *
 *     m = mu m + (1 - mu) g        G = mu m + (1 - mu) g (Nesterov)       X = G / max(|G|, 1e-7)
 *     five times: X = a X + (b A + c A^2) X with A = X X^T; for a tall matrix, the same as
 *                 a X + X (b A + c A^2) with A = X^T X, which is smaller
 *     w = w (1 - lr decay) - lr s X
 *
 * Matrices are taken in batches of bounded size: all products of a batch are one grouped call. */
#include <math.h>
#include <string.h>

#include "kernel/gemm.h"
#include "kernel/rows.h"
#include "train/optimizer_method.h"

enum { ITERATIONS = 5, BATCH_ELEMENTS = 1 << 22 };
static const double coefficient[3] = { 3.4445, -4.7750, 2.0315 };

typedef struct muon_matrix {
    int64_t param;         /* its row in the table */
    int64_t block, blocks; /* its first block in the optimiser, and how many it has */
    int64_t at, square_at; /* in its batch: where X and A begin */
    double norm;           /* |G| */
} muon_matrix;

typedef struct workspace {
    int64_t count;       /* matrices */
    muon_matrix *matrix; /* [count] */
    int64_t most, most_square;
    real *x, *y;        /* [most] */
    real *a, *aa;       /* [most_square] */
    gemm_group *groups; /* [count] */
} workspace;

/* Whether Muon updates the parameter, and not AdamW */
static bool is_matrix(const param *p) { return p->kind == PARAM_MATRIX; }

static int64_t shorter(const param *p) { return p->rows < p->cols ? p->rows : p->cols; }

/* State 0: the momentum, or AdamW's first moment; state 1: AdamW's second */
static param_shape shape(int state, const param *p)
{
    return (param_shape){ state && is_matrix(p) ? 0 : p->rows, p->cols };
}

static bool is_trained(const optimizer *o, const param *p)
{
    int64_t from, to;
    freeze_elements(&o->options.freeze, p, &from, &to);
    return from == to;
}

/* The end of the batch of matrices that begins with `first`: as many as fit, at least one */
static int64_t end_of_batch(const optimizer *o, const muon_matrix *m, int64_t first, int64_t count)
{
    int64_t sum = 0, i = first;
    for (; i < count; i++) {
        const param *p = &o->table->rows[m[i].param];
        sum += p->rows * p->cols;
        if (i > first && sum > BATCH_ELEMENTS) break;
    }
    return i;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

static void measure(const optimizer *o, workspace *w)
{
    int64_t largest = 0, square = 0, sum = 0, squares = 0;
    w->count = 0;
    for (int64_t i = 0; i < o->table->count; i++) {
        const param *p = &o->table->rows[i];
        if (!is_matrix(p) || !is_trained(o, p)) continue;
        w->count++;
        largest = later(largest, p->rows * p->cols);
        square = later(square, shorter(p) * shorter(p));
        sum += p->rows * p->cols;
        squares += shorter(p) * shorter(p);
    }
    /* In a batch, the matrices A have together at most as many elements as the matrices X. */
    w->most = sum < BATCH_ELEMENTS ? sum : later(largest, BATCH_ELEMENTS);
    w->most_square = squares < BATCH_ELEMENTS ? squares : later(square, BATCH_ELEMENTS);
}

static void layout(optimizer *o, arena *from)
{
    workspace counted = { 0 }, *w = ARENA_ARRAY(from, workspace, 1);
    measure(o, &counted);
    counted.matrix = ARENA_ARRAY(from, muon_matrix, counted.count);
    counted.groups = ARENA_ARRAY(from, gemm_group, counted.count);
    counted.x = ARENA_ARRAY(from, real, counted.most);
    counted.y = ARENA_ARRAY(from, real, counted.most);
    counted.a = ARENA_ARRAY(from, real, counted.most_square);
    counted.aa = ARENA_ARRAY(from, real, counted.most_square);
    if (w) *w = counted;
    o->workspace = w;
}

static void place_batch(const optimizer *o, muon_matrix *first, muon_matrix *end)
{
    int64_t at = 0, square = 0;
    for (muon_matrix *m = first; m < end; m++) {
        const param *p = &o->table->rows[m->param];
        m->at = at;
        m->square_at = square;
        at += p->rows * p->cols;
        square += shorter(p) * shorter(p);
    }
}

static void open_workspace(optimizer *o)
{
    workspace *w = o->workspace;
    muon_matrix *m = w->matrix;
    int64_t first = 0;
    for (int64_t i = 0; i < o->table->count; i++) {
        const param *p = &o->table->rows[i];
        int64_t blocks = optimizer_blocks_of(p);
        if (is_matrix(p) && is_trained(o, p) && blocks && o->blocks[first].owned)
            *m++ = (muon_matrix){ i, first, blocks, 0, 0, 0 };
        first += blocks;
    }
    w->count = m - w->matrix;
    for (int64_t i = 0, end; i < w->count; i = end) {
        end = end_of_batch(o, w->matrix, i, w->count);
        place_batch(o, w->matrix + i, w->matrix + end);
    }
}

/* ---- element by element, over the blocks of a batch ---- */

typedef struct pass pass;
typedef void (*block_use)(const pass *t, const muon_matrix *m, const block *b);

struct pass {
    optimizer *o;
    const optimizer_step_args *s;
    workspace *w;
    muon_matrix *first, *end;
    block_use use;
};

static const row_kernels *kernels(const pass *t) { return t->o->c->variant->rows; }

/* Every worker takes its share of the batch's blocks. */
static void run_share(void *arg, int worker, int workers)
{
    const pass *t = arg;
    int64_t count = 0, at = 0;
    for (const muon_matrix *m = t->first; m < t->end; m++) count += m->blocks;
    pool_range share = pool_share(count, 1, worker, workers);
    for (const muon_matrix *m = t->first; m < t->end; at += m++->blocks)
        for (int64_t i = 0; i < m->blocks; i++)
            if (at + i >= share.begin && at + i < share.end)
                t->use(t, m, &t->o->blocks[m->block + i]);
}

static void run_blocks(pass *t, block_use use)
{
    t->use = use;
    pool_run(t->o->c->pool, run_share, t);
}

/* X = G; the squares of the block's elements are summed for |G|. */
static void take_momentum(const pass *t, const muon_matrix *m, const block *b)
{
    real *x = t->w->x + m->at + b->begin;
    kernels(t)->momentum(b->count, optimizer_state_of(t->o, 0, b->param) + b->begin,
        t->s->gradient + b->offset, t->s->scale, t->o->options.momentum, x);
    t->o->squares[b - t->o->blocks] = kernels(t)->sum_squares(b->count, x);
}

static void divide(const pass *t, const muon_matrix *m, const block *b)
{
    real *x = t->w->x + m->at + b->begin;
    kernels(t)->scale(b->count, (real)(1 / fmax(m->norm, 1e-7)), x, x);
}

/* Y = a X */
static void begin_product(const pass *t, const muon_matrix *m, const block *b)
{
    int64_t at = m->at + b->begin;
    kernels(t)->scale(b->count, (real)coefficient[0], t->w->x + at, t->w->y + at);
}

static double scale_of(const optimizer *o, const param *p)
{
    double rows = (double)p->rows, cols = (double)p->cols;
    return o->options.original_scale ? sqrt(fmax(1, rows / cols)) : 0.2 * sqrt(fmax(rows, cols));
}

static void update(const pass *t, const muon_matrix *m, const block *b)
{
    double lr = t->s->lr, keep = 1 - lr * optimizer_decay(t->o, b);
    real *w = t->s->values + b->offset,
         step = (real)(-lr * scale_of(t->o, &t->o->table->rows[b->param]));
    kernels(t)->combine(b->count, (real)keep, w, step, t->w->x + m->at + b->begin, w);
}

/* ---- products of a batch ---- */

/* A = X X^T of wide matrices, or X^T X of tall ones */
static void square(const pass *t, bool tall)
{
    workspace *w = t->w;
    int64_t count = 0;
    for (const muon_matrix *m = t->first; m < t->end; m++) {
        const param *p = &t->o->table->rows[m->param];
        int64_t n = shorter(p), k = p->rows + p->cols - n;
        if ((p->rows > p->cols) != tall) continue;
        w->groups[count++] = (gemm_group){ .m = n,
            .n = n,
            .k = k,
            .a = w->x + m->at,
            .a_stride = p->cols,
            .b = matrix_of_floats(w->x + m->at, p->cols),
            .c = w->a + m->square_at,
            .c_stride = n };
    }
    if (count) gemm_grouped(t->o->c, tall ? GEMM_TN : GEMM_NT, w->groups, count, false);
}

/* A = b A + c A^2 */
static void polynomial(const pass *t)
{
    workspace *w = t->w;
    int64_t count = 0, elements = 0;
    for (const muon_matrix *m = t->first; m < t->end; m++) {
        int64_t n = shorter(&t->o->table->rows[m->param]);
        real *a = w->a + m->square_at;
        w->groups[count++] = (gemm_group){ .m = n,
            .n = n,
            .k = n,
            .a = a,
            .a_stride = n,
            .b = matrix_of_floats(a, n),
            .c = w->aa + m->square_at,
            .c_stride = n };
        elements = m->square_at + n * n;
    }
    gemm_grouped(t->o->c, GEMM_NN, w->groups, count, false);
    kernels(t)->combine(elements, (real)coefficient[1], w->a, (real)coefficient[2], w->aa, w->a);
}

/* Y += A X, or X A of tall matrices */
static void multiply(const pass *t)
{
    workspace *w = t->w;
    int64_t count = 0;
    for (const muon_matrix *m = t->first; m < t->end; m++) {
        const param *p = &t->o->table->rows[m->param];
        bool tall = p->rows > p->cols;
        const real *x = w->x + m->at, *a = w->a + m->square_at;
        int64_t n = shorter(p);
        w->groups[count++] = (gemm_group){ .m = p->rows,
            .n = p->cols,
            .k = n,
            .a = tall ? x : a,
            .a_stride = n,
            .b = matrix_of_floats(tall ? a : x, p->cols),
            .c = w->y + m->at,
            .c_stride = p->cols };
    }
    gemm_grouped(t->o->c, GEMM_NN, w->groups, count, true);
}

/* The Newton-Schulz iterations */
static void orthogonalise(pass *t)
{
    for (int i = 0; i < ITERATIONS; i++) {
        square(t, false);
        square(t, true);
        polynomial(t);
        run_blocks(t, begin_product);
        multiply(t);
        real *x = t->w->x;
        t->w->x = t->w->y;
        t->w->y = x;
    }
}

static void find_norms(const pass *t)
{
    for (muon_matrix *m = t->first; m < t->end; m++) {
        double sum = 0;
        for (int64_t i = 0; i < m->blocks; i++) sum += t->o->squares[m->block + i];
        m->norm = sqrt(sum);
    }
}

/* ---- the step ---- */

static void update_other(
    const optimizer *o, const optimizer_step_args *s, const block *b, int64_t first, int64_t end)
{
    if (!is_matrix(&o->table->rows[b->param])) optimizer_adamw_update(o, s, b, first, end);
}

static void step(optimizer *o, const optimizer_step_args *s)
{
    workspace *w = o->workspace;
    optimizer_update_all(o, s, update_other);
    for (int64_t i = 0, end; i < w->count; i = end) {
        end = end_of_batch(o, w->matrix, i, w->count);
        pass t = { o, s, w, w->matrix + i, w->matrix + end, NULL };
        run_blocks(&t, take_momentum);
        find_norms(&t);
        run_blocks(&t, divide);
        orthogonalise(&t);
        run_blocks(&t, update);
    }
}

const optimizer_method optimizer_muon = {
    .name = "muon",
    .meaning = "moves matrices by their momentum, orthogonalised, and all else as adamw does",
    .state = { "muon.m.", "muon.v." },
    .shape = shape,
    .betas = true,
    .momentum = 0.95,
    .layout = layout,
    .open = open_workspace,
    .step = step,
};
