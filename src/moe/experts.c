/* experts.c - grouped products with the gather folded in; one pass over the hidden rows each way.
 * Forward runs in waves of experts, as their source has them; backward reads the weights as they
 * were opened. */
#include "moe/experts.h"

#include <assert.h>
#include <string.h>

#include "moe/expert_pairs.h"
#include "moe/expert_rows.h"
#include "op/parallel.h"

enum { CHUNK = 512 }; /* elements of a row that are in the L1 cache at once */

/* ---- views ---- */

static bool has_up(const expert_pass *e) { return e->form->inputs == 2; }

/* Returns whether gate and up are one matrix [2H, D]. Where ranks keep rows, their columns of the
 * two stand apart. */
static bool inputs_joined(const expert_pass *e)
{
    return has_up(e) && e->weights->joined && !e->keeps;
}

/* Rows of an expert's gate and up that this rank has, and where they stand among all H */
static int64_t own_hidden(const expert_pass *e)
{
    return e->own_hidden ? e->own_hidden : e->hidden;
}
static int64_t hidden_first(const expert_pass *e)
{
    return gather_first(e->tensor, e->hidden, e->hidden);
}

/* Columns of gate in a row of pre, and where this rank's begin */
static int64_t gate_width(const expert_pass *e) { return e->keeps ? e->hidden : own_hidden(e); }
static int64_t gate_first(const expert_pass *e) { return e->keeps ? hidden_first(e) : 0; }
static int64_t pre_width(const expert_pass *e) { return e->form->inputs * gate_width(e); }
static int64_t row_count(const expert_pass *e)
{
    return e->rows.first[e->rows.experts] - e->rows.first[0];
}

static int64_t expert_of_row(const expert_pass *e, int64_t row, int64_t expert)
{
    while (e->rows.first[expert + 1] <= row) expert++;
    return expert;
}

static real weight_of_row(const expert_rows *rows, int64_t row)
{
    if (!rows->weight) return 1;
    if (!rows->edge) return rows->weight[row];
    return rows->edge[row] < 0 ? 0 : rows->weight[rows->edge[row]];
}

/* ---- forward ---- */

/* One group of the product with gate or up, which both read the same rows of x. */
static gemm_group input_group(
    const expert_pass *e, int64_t i, const weight *w, int64_t n, const real *x, real *out)
{
    return (gemm_group){ .m = rows_of(e, i),
        .n = n,
        .k = e->width,
        .a = start_of(e, i, e->rows.x_by_row, x),
        .a_stride = e->width,
        .a_rows = tokens_of(e, i, e->rows.x_by_row),
        .b = weight_matrix(w, i),
        .c = out + e->rows.first[i] * pre_width(e),
        .c_stride = pre_width(e) };
}

/* pre = x Wg^T, x Wu^T */
static void multiply_inputs(const expert_pass *e, const expert_wave *wave, const real *x, real *pre)
{
    const expert_weights *w = wave->weights;
    bool one = has_up(e) && w->joined && !e->keeps;
    int64_t count = 0, n = own_hidden(e);
    pre += gate_first(e);
    for (int32_t j = 0; j < wave->held; j++) {
        int64_t i = wave->experts[j];
        e->group[count++] = input_group(e, i, &w->gate, one ? 2 * n : n, x, pre);
        if (has_up(e) && !one)
            e->group[count++] = input_group(e, i, &w->up, n, x, pre + gate_width(e));
    }
    gemm_grouped(e->compute, GEMM_NT, e->group, count, false);
}

/* out = act Wd^T */
static void multiply_output(
    const expert_pass *e, const expert_wave *wave, const real *act, real *out)
{
    int64_t own = gather_own(e->tensor, e->width, e->width), stride = output_width(e);
    out += output_first(e);
    for (int32_t j = 0; j < wave->held; j++) {
        int64_t i = wave->experts[j];
        e->group[j] = (gemm_group){ .m = rows_of(e, i),
            .n = own,
            .k = e->hidden,
            .a = act + e->rows.first[i] * e->hidden,
            .a_stride = e->hidden,
            .b = weight_matrix(&wave->weights->down, i),
            .c = out + e->rows.first[i] * stride,
            .c_stride = stride };
    }
    gemm_grouped(e->compute, GEMM_NT, e->group, wave->held, false);
}

static int64_t place_of_token(const expert_pass *e, int64_t row)
{
    const expert_dropout *d = &e->dropout;
    if (d->token) return d->token[row];
    return d->first_token + (e->rows.token ? e->rows.token[row] : row);
}

/* values[0..n) are the elements from `at` on of a hidden row: dropped ones become 0, the others are
 * scaled. It is applied to act and to its gradient alike. */
static void drop_out(
    const expert_pass *e, int64_t row, int64_t expert, int64_t at, int64_t n, real *values)
{
    const expert_dropout *d = &e->dropout;
    if (d->chance <= 0) return;
    int64_t among_all = d->expert ? d->expert[expert].id : expert;
    int64_t pair = place_of_token(e, row) * d->experts + among_all;
    uint64_t first = (uint64_t)(pair * e->hidden + at);
    real scale = (real)(1 / (1 - d->chance));
    for (int64_t i = 0; i < n; i++)
        values[i] *= random_uniform(d->key, first + (uint64_t)i) < d->chance ? 0 : scale;
}

typedef struct activation_job {
    const expert_pass *pass;
    int64_t expert, row; /* the first of both */
    real *pre, *act;
} activation_job;

static void add_input_biases(const expert_pass *e, int64_t expert, real *pre)
{
    const row_kernels *rows = e->compute->variant->rows;
    const expert_weights *w = e->weights;
    if (w->gate_bias) rows->add(own_hidden(e), w->gate_bias[expert], pre);
    if (w->up_bias) rows->add(own_hidden(e), w->up_bias[expert], pre + gate_width(e));
}

static void activate_task(void *arg, int64_t begin, int64_t end)
{
    const activation_job *job = arg;
    const expert_pass *e = job->pass;
    int64_t expert = job->expert, own = own_hidden(e), first = hidden_first(e);
    for (int64_t r = job->row + begin; r < job->row + end; r++) {
        real *gate = job->pre + r * pre_width(e) + gate_first(e),
             *act = job->act + r * e->hidden + first;
        expert = expert_of_row(e, r, expert);
        add_input_biases(e, expert, gate);
        e->form->forward(own, gate, has_up(e) ? gate + gate_width(e) : NULL, e->limit, act);
        drop_out(e, r, expert, 0, own, act);
    }
}

/* act = form(pre), at once for experts of the wave whose rows stand behind each other: where all
 * experts are held, that is all rows. */
static void activate(const expert_pass *e, const expert_wave *wave, real *pre, real *act)
{
    const int64_t *first = e->rows.first;
    for (int32_t j = 0; j < wave->held;) {
        int32_t expert = wave->experts[j];
        int64_t begin = first[expert], end = first[expert + 1];
        while (++j < wave->held && first[wave->experts[j]] == end)
            end = first[wave->experts[j] + 1];
        activation_job job = { e, expert, begin, pre, act };
        parallel_over(
            e->compute, end - begin, 1, (end - begin) * pre_width(e), activate_task, &job);
    }
}

/* The first expert of this pass that a rank of `owners` has, or a later one */
static int32_t owned_from(const expert_pass *e, int rank)
{
    int32_t among = e->among ? e->among : e->rows.experts;
    int64_t first = share_begin(among, rank, e->owners->size) - e->among_first;
    return (int32_t)(first < 0 ? 0 : first > e->rows.experts ? e->rows.experts : first);
}

static int32_t list_wanted(const expert_pass *e)
{
    int32_t count = 0, begin = e->owners ? owned_from(e, e->owners->rank) : 0,
            end = e->owners ? owned_from(e, e->owners->rank + 1) : e->rows.experts;
    for (int32_t i = begin; i < end; i++)
        if (rows_of(e, i)) e->wanted[count++] = i;
    return count;
}

/* The rows of a rank's experts are neighbours. Ranks that have slices of the same experts want the
 * same ones. */
static void gather_wave(const expert_pass *e, const expert_wave *w, int64_t cols, real *x)
{
    const int64_t *first = e->rows.first;
    int64_t begin = first[w->experts[0]], end = first[w->experts[w->held - 1] + 1];
    gather_columns(e->tensor, end - begin, cols, cols, x + begin * cols);
}

enum { MOST_OWNERS = 1024 };

/* Every rank gets the rows of the others' experts. */
static void gather_experts(const expert_pass *e, real *out)
{
    int64_t first[MOST_OWNERS + 1], width = output_width(e);
    if (!e->owners) return;
    assert(e->owners->size <= MOST_OWNERS);
    int64_t start = e->rows.first[0]; /* of a bank */
    for (int r = 0; r <= e->owners->size; r++) first[r] = e->rows.first[owned_from(e, r)] - start;
    out += start * width;
    comm_all_gather_v(
        e->owners, out + first[e->owners->rank] * width, first, (size_t)width * sizeof *out, out);
    comm_tally_tokens(e->owners, first);
}

cadre_status experts_forward(const expert_pass *e, const real *x, real *out)
{
    expert_wave w = { .layer = e->layer,
        .plan = e->plan,
        .opened = e->weights,
        .experts = e->wanted,
        .count = list_wanted(e) };
    for (; w.count; w.experts += w.held, w.count -= w.held) {
        CADRE_TRY(expert_source_acquire(e->source, &w));
        multiply_inputs(e, &w, x, e->pre);
        expert_pairs_add_inputs(e, &w, x, e->pre);
        activate(e, &w, e->pre, e->act);
        gather_wave(e, &w, e->hidden, e->act);
        multiply_output(e, &w, e->act, out);
        expert_pairs_add_output(e, &w, e->act, out);
        if (e->columns == COLUMNS_GATHERED) gather_wave(e, &w, e->width, out);
        expert_source_release(e->source, &w);
    }
    gather_experts(e, out);
    return CADRE_OK;
}

/* ---- combine ---- */

typedef struct combine_job {
    const combination *c;
    const real *out;
    real *y;
} combine_job;

static void combine_token(const combine_job *job, int64_t t)
{
    const combination *c = job->c;
    const plan *p = c->plan;
    const row_kernels *rows = c->compute->variant->rows;
    real *y = job->y + t * c->width + c->first;
    bool written = c->base;
    if (c->base && c->base_scale) rows->scale(c->own, c->base_scale[t], y, y);
    for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++) {
        if (p->edge_row[i] < 0) continue;
        const real *out = job->out + p->edge_row[i] * c->own;
        real by = c->unweighted ? 1 : p->edge_weight[i];
        if (written) rows->axpy(c->own, by, out, y);
        else rows->scale(c->own, by, out, y);
        if (c->down_bias && p->edge_expert[i].id < c->biased)
            rows->axpy(c->own, by, c->down_bias[p->edge_expert[i].id] + c->first, y);
        written = true;
    }
    if (!written) memset(y, 0, (size_t)c->own * sizeof(real));
}

static void combine_task(void *arg, int64_t begin, int64_t end)
{
    const combine_job *job = arg;
    for (int64_t t = begin; t < end; t++) combine_token(job, t);
}

void experts_combine(const combination *c, const real *out, real *y)
{
    combine_job job = { c, out, y };
    parallel_over(c->compute, c->plan->tokens, 1, c->plan->rows * c->own, combine_task, &job);
}

typedef struct scatter_job {
    const row_kernels *rows;
    const plan *plan;
    int64_t width;
    const real *dx_rows;
    real *dx;
} scatter_job;

static void scatter_task(void *arg, int64_t begin, int64_t end)
{
    const scatter_job *job = arg;
    const plan *p = job->plan;
    for (int64_t t = begin; t < end; t++)
        for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++)
            if (p->edge_row[i] >= 0)
                job->rows->add(job->width, job->dx_rows + p->edge_row[i] * job->width,
                    job->dx + t * job->width);
}

void experts_scatter(compute *c, const plan *p, int64_t width, const real *dx_rows, real *dx)
{
    scatter_job job = { c->variant->rows, p, width, dx_rows, dx };
    parallel_over(c, p->tokens, 1, p->rows * width, scatter_task, &job);
}

/* ---- backward ----
 *
 * Where ranks have rows of the matrices, each computes some columns of dA and of dx over all rows
 * of the matrix (linear.h), and its rows' gradients. Between the products, every rank has dA and
 * pre of all of them. */

/* The columns of a matrix that a product by its rows reads, all or a slice's, for the columns of
 * `c` that it then writes */
static void take_columns(gemm_group *g, const weight *w, int64_t expert)
{
    const weight_slice *s = w->slice;
    g->n = s ? s->columns : w->cols;
    g->b = s ? matrix_of_floats(s->by_column, s->columns) : weight_matrix(w, expert);
    if (s) g->c += s->column;
}

/* Forward: out = act Wd^T. dA = dy Wd, before the weights: row r's own derivative is weight[r] *
 * dA. */
static void multiply_output_backward(const expert_pass *e, const real *dy, real *da)
{
    int64_t count = 0;
    for (int64_t i = 0; i < e->rows.experts; i++) {
        if (!rows_of(e, i)) continue;
        e->group[count] = (gemm_group){ .m = rows_of(e, i),
            .k = e->width,
            .a = start_of(e, i, e->rows.dy_by_row, dy),
            .a_stride = e->width,
            .a_rows = tokens_of(e, i, e->rows.dy_by_row),
            .c = da + e->rows.first[i] * e->hidden,
            .c_stride = e->hidden };
        take_columns(&e->group[count++], &e->weights->down, i);
    }
    gemm_grouped(e->compute, GEMM_NN, e->group, count, false);
    expert_pairs_output_backward(e, dy, da);
    gather_columns(e->tensor, row_count(e), e->hidden, e->hidden, da);
    gather_columns(e->tensor, row_count(e) * e->form->inputs, e->hidden, e->hidden, e->pre);
}

typedef struct hidden_job {
    const expert_pass *pass;
    const real *dy;
    real *pre, *act, *dweight;
} hidden_job;

/* Forward: act = form(gate, up) * mask; y_t += w * act Wd^T. Given dA in `act`:
 *     dweight = <act, dA>     dgate, dup = form'(w * dA * mask), in place of gate and up     act =
 *                             w * act, for dWd
 * One visit of everything while it is in cache; returns dweight. */
static real hidden_row_backward(
    const expert_pass *e, int64_t row, int64_t expert, real *pre, real *da)
{
    const row_kernels *rows = e->compute->variant->rows;
    real scale = weight_of_row(&e->rows, row), dweight = 0, act[CHUNK];
    for (int64_t at = 0; at < e->hidden; at += CHUNK) {
        int64_t n = e->hidden - at < CHUNK ? e->hidden - at : CHUNK;
        real *gate = pre + at, *up = has_up(e) ? gate + e->hidden : NULL;
        e->form->forward(n, gate, up, e->limit, act);
        drop_out(e, row, expert, at, n, act);
        dweight += rows->dot(n, act, da + at);
        if (e->rows.weight) rows->scale(n, scale, da + at, da + at);
        drop_out(e, row, expert, at, n, da + at);
        e->form->backward(n, gate, up, e->limit, da + at, gate, up);
        rows->scale(n, scale, act, da + at);
    }
    return dweight;
}

static void hidden_task(void *arg, int64_t begin, int64_t end)
{
    const hidden_job *job = arg;
    const expert_pass *e = job->pass;
    const expert_rows *rows = &e->rows;
    int64_t first = rows->first[0]; /* of a bank's experts it is not 0 */
    for (int64_t r = first + begin, expert = 0; r < first + end; r++) {
        expert = expert_of_row(e, r, expert);
        real dweight = hidden_row_backward(
            e, r, expert, job->pre + r * pre_width(e), job->act + r * e->hidden);
        if (!job->dweight || (rows->edge && rows->edge[r] < 0)) continue;
        if (e->weights->down_bias)
            dweight += e->compute->variant->rows->dot(e->width, e->weights->down_bias[expert],
                job->dy + (rows->token ? rows->token[r] : r) * e->width);
        job->dweight[rows->edge ? rows->edge[r] : r] = dweight;
    }
}

/* Forward: out = act Wd^T. dWd (+)= dy^T (w act) */
static void multiply_down_gradient(
    const expert_pass *e, const real *dy, const real *act, const expert_gradients *g)
{
    int64_t own = gather_own(e->tensor, e->width, e->width);
    dy += gather_first(e->tensor, e->width, e->width);
    for (int64_t i = 0; i < e->rows.experts; i++)
        e->group[i] = (gemm_group){ .m = own,
            .n = e->hidden,
            .k = rows_of(e, i),
            .a = start_of(e, i, e->rows.dy_by_row, dy),
            .a_stride = e->width,
            .a_rows = tokens_of(e, i, e->rows.dy_by_row),
            .c = g->down[i],
            .c_stride = e->hidden,
            .b = matrix_of_floats(act + e->rows.first[i] * e->hidden, e->hidden) };
    leaves_multiply(e->compute, g->leaves, e->group, e->rows.experts, g->accumulate);
}

static gemm_group input_gradient_group(
    const expert_pass *e, int64_t i, const real *dpre, int64_t m, const real *x, real *out)
{
    return (gemm_group){ .m = m,
        .n = e->width,
        .k = rows_of(e, i),
        .a = dpre + e->rows.first[i] * pre_width(e),
        .a_stride = pre_width(e),
        .b = matrix_of_floats(start_of(e, i, e->rows.x_by_row, x), e->width),
        .b_rows = tokens_of(e, i, e->rows.x_by_row),
        .c = out,
        .c_stride = e->width };
}

/* Forward: gate = x Wg^T, up = x Wu^T. dWg (+)= dgate^T x, dWu (+)= dup^T x */
static void multiply_input_gradients(
    const expert_pass *e, const real *x, const real *dpre, const expert_gradients *g)
{
    int64_t count = 0, own = own_hidden(e);
    dpre += gate_first(e);
    for (int64_t i = 0; i < e->rows.experts; i++) {
        bool one = has_up(e) && g->joined && !e->keeps;
        e->group[count++] = input_gradient_group(e, i, dpre, one ? 2 * own : own, x, g->gate[i]);
        if (has_up(e) && !one)
            e->group[count++] = input_gradient_group(e, i, dpre + e->hidden, own, x, g->up[i]);
    }
    leaves_multiply(e->compute, g->leaves, e->group, count, g->accumulate);
}

/* Forward: gate = x Wg^T, up = x Wu^T. dx_rows (+)= dgate Wg + dup Wu: one chain over 2H where the
 * two are one matrix, and the same chain in two calls where they are not. `half`: 0 gate (or both),
 * 1 up alone. */
static void multiply_input_backward(
    const expert_pass *e, const real *dpre, int half, real *dx_rows, bool add)
{
    const weight *w = half ? &e->weights->up : &e->weights->gate;
    int64_t count = 0;
    for (int64_t i = 0; i < e->rows.experts; i++) {
        bool one = inputs_joined(e);
        if (!rows_of(e, i) || (half && one)) continue;
        e->group[count] = (gemm_group){ .m = rows_of(e, i),
            .k = one ? 2 * e->hidden : e->hidden,
            .a = dpre + e->rows.first[i] * pre_width(e) + half * e->hidden,
            .a_stride = pre_width(e),
            .c = dx_rows + e->rows.first[i] * e->width,
            .c_stride = e->width };
        take_columns(&e->group[count++], w, i);
    }
    gemm_grouped(e->compute, GEMM_NN, e->group, count, add);
}

/* ---- gradients of biases: sums over an expert's rows, in their order ---- */

typedef struct bias_job {
    const expert_pass *pass;
    const expert_gradients *g;
    const real *dy, *dpre;
} bias_job;

/* Forward: gate += bg, up += bu; y_t += w * bd. */
static void bias_expert(const bias_job *job, int64_t i)
{
    const expert_pass *e = job->pass;
    const row_kernels *rows = e->compute->variant->rows;
    const expert_gradients *g = job->g;
    size_t hidden = (size_t)e->hidden * sizeof(real);
    if (!g->accumulate && g->gate_bias) memset(g->gate_bias[i], 0, hidden);
    if (!g->accumulate && g->up_bias) memset(g->up_bias[i], 0, hidden);
    if (!g->accumulate && g->down_bias) memset(g->down_bias[i], 0, (size_t)e->width * sizeof(real));
    for (int64_t r = e->rows.first[i]; r < e->rows.first[i + 1]; r++) {
        const real *dpre = job->dpre + r * pre_width(e);
        if (g->gate_bias) rows->add(e->hidden, dpre, g->gate_bias[i]);
        if (g->up_bias) rows->add(e->hidden, dpre + e->hidden, g->up_bias[i]);
        const real *dy =
            job->dy + (is_gathered(e, e->rows.dy_by_row) ? e->rows.token[r] : r) * e->width;
        if (g->down_bias) rows->axpy(e->width, weight_of_row(&e->rows, r), dy, g->down_bias[i]);
    }
}

static void bias_task(void *arg, int64_t begin, int64_t end)
{
    const bias_job *job = arg;
    for (int64_t i = begin; i < end; i++) bias_expert(job, i);
}

void experts_backward(const expert_pass *e, const real *x, const real *dy,
    const expert_gradients *g, real *dweight, real *dx_rows, bool add_dx)
{
    int64_t work = row_count(e) * pre_width(e);
    hidden_job hidden = { e, dy, e->pre, e->act, dweight };
    bias_job bias = { e, g, dy, e->pre };
    multiply_output_backward(e, dy, e->act);
    parallel_over(e->compute, row_count(e), 1, work, hidden_task, &hidden);
    if (g->down) multiply_down_gradient(e, dy, e->act, g);
    expert_pairs_output_gradients(e, dy, e->act, g);
    if (g->gate_bias || g->up_bias || g->down_bias)
        parallel_over(e->compute, e->rows.experts, 1, work, bias_task, &bias);
    if (g->gate) multiply_input_gradients(e, x, e->pre, g);
    multiply_input_backward(e, e->pre, 0, dx_rows, add_dx);
    if (has_up(e)) multiply_input_backward(e, e->pre, 1, dx_rows, true);
    expert_pairs_inputs_backward(e, x, e->pre, g, dx_rows);
    gather_columns(e->tensor, row_count(e), e->width, e->width, dx_rows);
}
