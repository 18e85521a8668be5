/* optimizer_adafactor.c - Adafactor (Shazeer & Stern 2018), in PyTorch's form. For a matrix it
 * keeps the mean squared gradients of rows and of columns alone, whose product approximates that of
 * an element; for a vector it keeps one for each element. With g the gradient, t the step, b =
 * t^-0.8:
 *
 *     r += b (mean of g^2 over a row - r)       c += b (mean of g^2 over a column - c)
 *     v = r c / max(mean of r, e)               u = g / sqrt(max(v, e^2))
 *     w = w (1 - lr decay) - alpha u / max(1, RMS(u))
 *     alpha = max(1e-3, RMS(w)) min(lr, 1 / sqrt(t)), with w before it decays
 *
 * Workers share a matrix by ranges of rows and by ranges of columns. The sum over a column is added
 * row by row; a sum over a matrix adds the sums of its ranges of rows in their order. So the number
 * of workers changes no bit. */
#include <math.h>
#include <string.h>

#include "kernel/rows.h"
#include "train/optimizer_method.h"

enum { COLUMNS = 512, CHUNK = 2048 };
static const double least_mean = 0x1p-23, least_rms = 1e-3; /* e; the least RMS(w) */

/* Some rows of a matrix, or some elements of a vector, whose rows have one element each */
typedef struct row_range {
    int64_t param, first, rows;
    double values, updates; /* sums of squares of w and of u */
} row_range;

/* Some columns of a matrix */
typedef struct column_range {
    int64_t param, first, count;
} column_range;

/* What a step computes of a whole parameter */
typedef struct measure {
    bool router, decays;
    double mean;       /* of r */
    double rate, keep; /* w = keep w - rate u */
} measure;

typedef struct workspace {
    int64_t row_ranges, column_ranges;
    row_range *row_range;       /* [row_ranges] */
    column_range *column_range; /* [column_ranges] */
    measure *measured;          /* [parameters] */
} workspace;

static bool factored(const param *p) { return !param_is_vector(p); }
static int64_t rows_of(const param *p) { return factored(p) ? p->rows : p->cols; }
static int64_t columns_of(const param *p) { return factored(p) ? p->cols : 1; }

static int64_t rows_of_range(const param *p)
{
    int64_t rows = BLOCK / columns_of(p);
    return rows ? rows : 1;
}

/* State 0: r, or the mean squares of a vector's elements; state 1: c */
static param_shape shape(int state, const param *p)
{
    if (state == 0) return (param_shape){ 1, rows_of(p) };
    return (param_shape){ factored(p), p->cols };
}

static bool is_trained(const optimizer *o, const param *p)
{
    int64_t from, to;
    freeze_elements(&o->options.freeze, p, &from, &to);
    return p->kind != PARAM_STATE && from == to;
}

/* Lists the ranges of rows and of columns of the parameters that this rank updates. While memory is
 * only measured, it counts those of all parameters. */
static void cut(const optimizer *o, workspace *w)
{
    int64_t next = 0;
    w->row_ranges = w->column_ranges = 0;
    for (int64_t i = 0; i < o->table->count; i++) {
        const param *p = &o->table->rows[i];
        int64_t rows = rows_of(p), each = rows_of_range(p), first = next;
        next += optimizer_blocks_of(p);
        if (!is_trained(o, p) || (w->row_range && next > first && !o->blocks[first].owned))
            continue;
        for (int64_t at = 0; at < rows; at += each, w->row_ranges++)
            if (w->row_range)
                w->row_range[w->row_ranges] =
                    (row_range){ i, at, at + each < rows ? each : rows - at, 0, 0 };
        for (int64_t at = 0; factored(p) && at < p->cols; at += COLUMNS, w->column_ranges++)
            if (w->column_range)
                w->column_range[w->column_ranges] =
                    (column_range){ i, at, at + COLUMNS < p->cols ? COLUMNS : p->cols - at };
    }
}

static void layout(optimizer *o, arena *a)
{
    workspace counted = { 0 }, *w = ARENA_ARRAY(a, workspace, 1);
    cut(o, &counted);
    counted.row_range = ARENA_ARRAY(a, row_range, counted.row_ranges);
    counted.column_range = ARENA_ARRAY(a, column_range, counted.column_ranges);
    counted.measured = ARENA_ARRAY(a, measure, o->table->count);
    if (w) *w = counted;
    o->workspace = w;
}

static void open_workspace(optimizer *o)
{
    workspace *w = o->workspace;
    cut(o, w);
    for (int64_t i = 0; i < o->count; i++) {
        measure *m = &w->measured[o->blocks[i].param];
        m->router = o->blocks[i].router;
        m->decays = o->blocks[i].decays;
    }
}

/* ---- the passes ---- */

typedef struct pass {
    const optimizer *o;
    const optimizer_step_args *s;
    workspace *w;
    double b; /* the weight of the new mean square in r and c */
} pass;

static const row_kernels *rows_kernels(const pass *p) { return p->o->c->variant->rows; }

/* Updates r for the rows of the range, and sums the squares of its weights. */
static void measure_rows(const pass *t, row_range *s)
{
    const param *p = &t->o->table->rows[s->param];
    int64_t cols = columns_of(p), at = p->offset + s->first * cols;
    real *r = optimizer_state_of(t->o, 0, s->param) + s->first, b = (real)t->b;
    const real *g = t->s->gradient + at;
    double scale = (double)t->s->scale * (double)t->s->scale / (double)cols;
    for (int64_t i = 0; i < s->rows; i++) {
        real mean = factored(p) ? (real)(scale * rows_kernels(t)->sum_squares(cols, g + i * cols))
                                : (g[i] * t->s->scale) * (g[i] * t->s->scale);
        r[i] += b * (mean - r[i]);
    }
    s->values = rows_kernels(t)->sum_squares(s->rows * cols, t->s->values + at);
}

/* Updates c for the columns of the range. */
static void measure_columns(const pass *t, const column_range *columns)
{
    const param *p = &t->o->table->rows[columns->param];
    real sum[COLUMNS] = { 0 }, *c = optimizer_state_of(t->o, 1, columns->param) + columns->first;
    real b = (real)t->b, share = 1 / (real)p->rows;
    const real *g = t->s->gradient + p->offset + columns->first;
    for (int64_t i = 0; i < p->rows; i++)
        rows_kernels(t)->add_squares(columns->count, t->s->scale, g + i * p->cols, sum);
    for (int64_t j = 0; j < columns->count; j++) c[j] += b * (sum[j] * share - c[j]);
}

static void pass_measure(void *arg, int worker, int workers)
{
    const pass *t = arg;
    pool_range row_ranges = pool_share(t->w->row_ranges, 1, worker, workers);
    pool_range column_ranges = pool_share(t->w->column_ranges, 1, worker, workers);
    for (int64_t i = row_ranges.begin; i < row_ranges.end; i++)
        measure_rows(t, &t->w->row_range[i]);
    for (int64_t i = column_ranges.begin; i < column_ranges.end; i++)
        measure_columns(t, &t->w->column_range[i]);
}

/* What is done with the update u of elements at .. at + count - 1 of a parameter */
typedef void (*update_use)(const pass *t, row_range *s, int64_t at, int64_t count, const real *u);

/* Computes u for the elements of the range, piece by piece, and calls `use` for each piece. */
static void each_update(const pass *t, row_range *s, update_use use)
{
    const param *p = &t->o->table->rows[s->param];
    real u[CHUNK], floor = (real)(least_mean * least_mean);
    const real *r = optimizer_state_of(t->o, 0, s->param),
               *c = factored(p) ? optimizer_state_of(t->o, 1, s->param) : r + s->first;
    int64_t cols = factored(p) ? p->cols : s->rows, rows = factored(p) ? s->rows : 1;
    double mean = t->w->measured[s->param].mean;
    for (int64_t i = 0; i < rows; i++) {
        int64_t row = factored(p) ? (s->first + i) * cols : s->first;
        real share = factored(p) ? r[s->first + i] / (real)mean : 1;
        for (int64_t j = 0; j < cols; j += CHUNK) {
            int64_t n = cols - j < CHUNK ? cols - j : CHUNK;
            rows_kernels(t)->adafactor(
                n, t->s->gradient + p->offset + row + j, t->s->scale, share, c + j, floor, u);
            use(t, s, row + j, n, u);
        }
    }
}

static void add_squares_of(const pass *t, row_range *s, int64_t at, int64_t count, const real *u)
{
    (void)at;
    s->updates += rows_kernels(t)->sum_squares(count, u);
}

static void pass_rms(void *arg, int worker, int workers)
{
    const pass *t = arg;
    pool_range row_ranges = pool_share(t->w->row_ranges, 1, worker, workers);
    for (int64_t i = row_ranges.begin; i < row_ranges.end; i++) {
        t->w->row_range[i].updates = 0;
        each_update(t, &t->w->row_range[i], add_squares_of);
    }
}

static void take_update(const pass *t, row_range *s, int64_t at, int64_t count, const real *u)
{
    const measure *m = &t->w->measured[s->param];
    real *w = t->s->values + t->o->table->rows[s->param].offset + at;
    rows_kernels(t)->combine(count, (real)m->keep, w, (real)-m->rate, u, w);
}

static void pass_update(void *arg, int worker, int workers)
{
    const pass *t = arg;
    pool_range row_ranges = pool_share(t->w->row_ranges, 1, worker, workers);
    for (int64_t i = row_ranges.begin; i < row_ranges.end; i++)
        each_update(t, &t->w->row_range[i], take_update);
}

/* ---- between passes: means and step sizes of whole parameters ---- */

static void find_means(const pass *t)
{
    for (int64_t i = 0; i < t->o->table->count; i++) {
        const param *p = &t->o->table->rows[i];
        double sum = 0;
        if (p->kind == PARAM_STATE || !factored(p)) continue;
        const real *r = optimizer_state_of(t->o, 0, i);
        for (int64_t k = 0; k < p->rows; k++) sum += (double)r[k];
        t->w->measured[i].mean = fmax(sum / (double)p->rows, least_mean);
    }
}

static void find_step_sizes(const pass *t)
{
    for (int64_t i = 0; i < t->w->row_ranges;) {
        int64_t row = t->w->row_range[i].param;
        const param *p = &t->o->table->rows[row];
        measure *m = &t->w->measured[row];
        double values = 0, updates = 0, count = (double)(p->rows * p->cols);
        for (; i < t->w->row_ranges && t->w->row_range[i].param == row; i++)
            values += t->w->row_range[i].values, updates += t->w->row_range[i].updates;
        double lr = m->router ? t->s->router_lr : t->s->lr,
               alpha = fmax(least_rms, sqrt(values / count)) * fmin(lr, 1 / sqrt((double)t->s->t));
        m->rate = alpha / fmax(1, sqrt(updates / count));
        m->keep = 1 - lr * (m->decays ? t->o->options.weight_decay : 0);
    }
}

static void step(optimizer *o, const optimizer_step_args *s)
{
    pass t = { o, s, o->workspace, pow((double)s->t, -0.8) };
    pool_run(o->c->pool, pass_measure, &t);
    find_means(&t);
    pool_run(o->c->pool, pass_rms, &t);
    find_step_sizes(&t);
    pool_run(o->c->pool, pass_update, &t);
}

const optimizer_method optimizer_adafactor = {
    .name = "adafactor",
    .meaning =
        "does as adamw, but keeps mean squares only of rows and columns, which takes little memory",
    .state = { "adafactor.row.", "adafactor.column." },
    .shape = shape,
    .whole = true,
    .layout = layout,
    .open = open_workspace,
    .step = step,
};
