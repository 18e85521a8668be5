/* attention.c - a task is a block of queries under one key-value head. Its rows are the pairs
 * (query, head of the group), so that all heads that read the same keys share one product. A block
 * has as many rows as the scores of all keys that they see have room for; where there would be
 * fewer tasks than workers, blocks are smaller, and a query's heads may lie in several.
 *
 * With 4 heads over 2 key-value heads, queries 5 and 6 under key-value head 0 are a block of 4
 * rows, and a window of 3 hides the keys marked with a dot:
 *
 *                       key   3  4  5  6           the passes of forward_block
 *     query 5, head 0         s  s  s  .           q  [rows, width]   gathered, times scale
 *     query 5, head 1         s  s  s  .           s  [rows, keys]    = q k^T
 *     query 6, head 0         .  s  s  s           p  [rows, keys]    = softmax(s), dots are 0
 *     query 6, head 1         .  s  s  s           out [rows, width]  = p v, scattered
 *
 * A key that a query does not see has probability 0, which changes no sum (see rows.h) and adds
 * nothing to any chain of multiply-adds. So a query's result does not depend on its block.
 *
 * The backward pass computes the scores again, and from them and log_sum the probabilities. A task
 * is then a whole sequence under one key-value head, its query blocks in order, because dk and dv
 * are chains over queries. The gradient of a bias is a chain over all sequences: where there is
 * one, a head is one worker's. */
#include "op/attention.h"

#include <assert.h>
#include <string.h>

#include "kernel/compute_times.h"
#include "kernel/gemm.h"
#include "kernel/rows.h"

enum {
    MAX_ROWS = 64,
    MIN_ROWS = 16,
    SCORES_AT_ONCE = 1 << 18, /* 1 MiB, most of which the L2 cache keeps */
    APART = 16 /* elements between rows of scores, so that they share no sets of a cache */
};

/* One worker's share of the scratch memory. */
typedef struct workspace {
    real *q, *dq;           /* [rows, key_width]; q scaled */
    real *out, *dout;       /* [rows, value_width] */
    real *scores, *dscores; /* [rows, keys] */
    real *capped;           /* [keys] */
} workspace;

typedef struct attention_task {
    compute *c;
    const attention *a;
    const attention_sequence *sequences;
    const attention_gradient *gradients; /* NULL: forward */
    int64_t count;
    const attention_scratch *scratch;
} attention_task;

/* Rows begin .. begin + rows of a sequence under one key-value head: pairs (query, head of the
 * group), query by query. */
typedef struct query_block {
    const attention_task *k;
    const attention_sequence *s;
    int worker;
    int64_t kv_head, group;
    int64_t begin, rows;
    int64_t key_begin, key_end; /* the keys that any of its queries sees */
    int64_t stride;             /* of scores */
    workspace w;
} query_block;

static int64_t group_of(const attention *a) { return a->heads / a->kv_heads; }

static int64_t padded(int64_t keys)
{
    return (keys + ROW_LANES - 1) / ROW_LANES * ROW_LANES + APART;
}

/* Lays the workspace out from `base` on (NULL: only measures it). Returns its size in elements. */
static int64_t workspace_lay(
    workspace *w, real *base, const attention *a, const attention_scratch *s, bool backward)
{
    int64_t again = backward ? 1 : 0, used = 0;
    real **area[] = { &w->q, &w->out, &w->scores, &w->dq, &w->dout, &w->dscores, &w->capped };
    int64_t q = MAX_ROWS * a->key_width, out = MAX_ROWS * a->value_width;
    int64_t size[] = { q, out, s->scores, again * q, again * out, again * s->scores,
        again * padded(s->keys) };
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        *area[i] = base ? base + used : NULL;
        used += (size[i] + ROW_LANES - 1) / ROW_LANES * ROW_LANES;
    }
    return used;
}

/* Keys that the rows of one block see at most, of a sequence of so many. */
static int64_t keys_seen(const attention *a, int64_t keys)
{
    int64_t within = a->window + MAX_ROWS;
    return a->window && !a->bidirectional && within < keys ? within : keys;
}

/* Rows whose scores of so many keys have room. */
static int64_t rows_at_once(int64_t scores, int64_t keys)
{
    int64_t rows = scores / padded(keys);
    return rows > MAX_ROWS ? MAX_ROWS : rows;
}

attention_scratch attention_scratch_take(
    arena *a, const attention *shape, int workers, int64_t keys, int64_t tokens)
{
    attention_scratch s = { .keys = keys_seen(shape, keys) };
    int64_t most = MAX_ROWS * padded(s.keys), least = MIN_ROWS * padded(s.keys);
    s.scores = most < SCORES_AT_ONCE ? most : least > SCORES_AT_ONCE ? least : SCORES_AT_ONCE;
    workspace w;
    s.stride = workspace_lay(&w, NULL, shape, &s, tokens > 0);
    s.own = ARENA_ARRAY(a, real, s.stride * workers);
    s.delta = ARENA_ARRAY(a, real, tokens * shape->heads);
    return s;
}

/* Keys that there will be of a sequence. */
static int64_t keys_of(const attention *a, const attention_sequence *s)
{
    return a->bidirectional ? s->keys : s->first + s->queries;
}

/* Rows of a block of this sequence: by the room for scores, and of few tasks by the workers. */
static int64_t step_of(const attention_task *k, const attention_sequence *s, int workers)
{
    enum { WORTH_A_TASK = 4 };
    int64_t step = rows_at_once(k->scratch->scores, keys_seen(k->a, keys_of(k->a, s))),
            rows = s->queries * group_of(k->a), tasks = k->count * k->a->kv_heads,
            shares = (workers + tasks - 1) / tasks, fair = (rows + shares - 1) / shares;
    fair = fair < WORTH_A_TASK ? WORTH_A_TASK : fair;
    return fair < step ? fair : step;
}

/* The block of rows begin .. begin + step. Its keys reach from the earliest one that the window of
 * its first query shows to the latest one that its last query sees. */
static query_block block_at(const attention_task *k, int worker, const attention_sequence *s,
    int64_t kv_head, int64_t begin, int64_t step)
{
    const attention *a = k->a;
    const attention_scratch *own = k->scratch;
    query_block b = {
        .k = k, .s = s, .worker = worker, .kv_head = kv_head, .group = group_of(a), .begin = begin
    };
    int64_t left = s->queries * b.group - begin, first = s->first + begin / b.group;
    int64_t first_key = a->window ? first - a->window + 1 : 0;
    b.rows = step < left ? step : left;
    b.key_begin = first_key > 0 ? first_key : 0;
    b.key_end = a->bidirectional ? s->keys : s->first + (begin + b.rows - 1) / b.group + 1;
    b.stride = padded(keys_seen(a, keys_of(a, s)));
    assert(b.key_end - b.key_begin <= own->keys && b.rows * b.stride <= own->scores);
    workspace_lay(&b.w, own->own + worker * own->stride, a, own, k->gradients != NULL);
    return b;
}

static const row_kernels *rows_of(const query_block *b) { return b->k->c->variant->rows; }
static int64_t query_of(const query_block *b, int64_t row) { return (b->begin + row) / b->group; }
static int64_t head_of(const query_block *b, int64_t row)
{
    return b->kv_head * b->group + (b->begin + row) % b->group;
}

/* packed [rows, width] = factor * this block's part of x [queries, heads * width]; scatter is the
 * way back */
static void gather(
    const query_block *b, const real *x, int64_t x_stride, int64_t width, real factor, real *packed)
{
    for (int64_t i = 0; i < b->rows; i++)
        rows_of(b)->scale(width, factor, x + query_of(b, i) * x_stride + head_of(b, i) * width,
            packed + i * width);
}

static void scatter(
    const query_block *b, const real *packed, int64_t width, real factor, real *x, int64_t x_stride)
{
    for (int64_t i = 0; i < b->rows; i++)
        rows_of(b)->scale(width, factor, packed + i * width,
            x + query_of(b, i) * x_stride + head_of(b, i) * width);
}

/* Keys (or values) begin..end of the sequence, which lie in one block of the cache. */
typedef struct key_run {
    int64_t begin, end;
    matrix m;
} key_run;

static key_run run_at(const query_block *b, int64_t begin, bool values)
{
    const kv_view *v = &b->s->kv;
    int64_t block = begin / v->block, end = (block + 1) * v->block, row = begin % v->block;
    int64_t stride = values ? v->value_stride : v->key_stride,
            head = values ? v->value_head : v->key_head;
    bool columns = v->key_columns && !values;
    matrix m = {
        .data = (values ? v->values : v->keys)[block], .stride = stride, .format = v->format
    };
    m = matrix_from(m, b->kv_head * head + (columns ? row : row * stride));
    return (key_run){ begin, end < b->key_end ? end : b->key_end, m };
}

/* What lies in the next block of the cache; NULL: there is none. */
static const void *next_of(const query_block *b, const key_run *r, bool values)
{
    return r->end < b->key_end ? run_at(b, r->end, values).m.data : NULL;
}

/* out [rows, keys] = x [rows, width] . (keys or values)^T. Each block of the cache gives columns of
 * its own. Every product is told where the next block lies, which it may prefetch. */
static void products_with(
    const query_block *b, const real *x, int64_t width, bool values, real *out)
{
    gemm_kind kind = b->s->kv.key_columns && !values ? GEMM_NN : GEMM_NT;
    gemm_serial_begin(b->k->c, b->worker);
    for (key_run r = { .end = b->key_begin }; r.end < b->key_end;) {
        r = run_at(b, r.end, values);
        gemm_group g = { .m = b->rows,
            .n = r.end - r.begin,
            .k = width,
            .a = x,
            .a_stride = width,
            .b = r.m,
            .c = out + (r.begin - b->key_begin),
            .c_stride = b->stride };
        gemm_serial_next(b->k->c, b->worker, kind, &g, false, next_of(b, &r, values));
    }
}

/* out [rows, width] = x [rows, keys] . (keys or values), one chain over all blocks of the cache:
 * the first product writes, and those after it accumulate. So the bits do not depend on how a cache
 * is cut into blocks. */
static void sums_over(const query_block *b, const real *x, int64_t width, bool values, real *out)
{
    assert(values || !b->s->kv.key_columns);
    gemm_serial_begin(b->k->c, b->worker);
    for (key_run r = { .end = b->key_begin }; r.end < b->key_end;) {
        r = run_at(b, r.end, values);
        gemm_group g = { .m = b->rows,
            .n = width,
            .k = r.end - r.begin,
            .a = x + (r.begin - b->key_begin),
            .a_stride = b->stride,
            .b = r.m,
            .c = out,
            .c_stride = width };
        gemm_serial_next(
            b->k->c, b->worker, GEMM_NN, &g, r.begin > b->key_begin, next_of(b, &r, values));
    }
}

/* Makes the scores of row i ready for the softmax: applies the cap and the bias, and writes -inf
 * where keys are before the window or, up to a multiple of ROW_LANES, after the query. Returns how
 * many scores there are. */
static int64_t prepare_scores(const query_block *b, int64_t i)
{
    const attention *a = b->k->a;
    const row_kernels *rows = rows_of(b);
    real *scores = b->w.scores + i * b->stride;
    int64_t position = b->s->first + query_of(b, i);
    int64_t seen = (a->bidirectional ? b->key_end : position + 1) - b->key_begin,
            hidden = a->window ? seen - a->window : 0;
    int64_t count = (seen + ROW_LANES - 1) / ROW_LANES * ROW_LANES;
    if (a->softcap > 0) {
        rows->scale(seen, 1 / a->softcap, scores, scores);
        rows->tanh(seen, scores, scores);
        rows->scale(seen, a->softcap, scores, scores);
    }
    if (a->bias)
        rows->add(seen,
            a->bias + head_of(b, i) * a->bias_span + a->bias_zero + b->key_begin - position,
            scores);
    for (int64_t j = 0; j < hidden; j++) scores[j] = -REAL_INF;
    for (int64_t j = seen; j < count; j++) scores[j] = -REAL_INF;
    return count;
}

/* Clears the probabilities of the block's keys from `count` on, which row i does not see. */
static void clear_unseen(const query_block *b, int64_t i, int64_t count)
{
    int64_t keys = b->key_end - b->key_begin;
    if (count < keys)
        memset(b->w.scores + i * b->stride + count, 0, (size_t)(keys - count) * sizeof(real));
}

/* out = softmax(s) v. A row has the scores of all its keys before its softmax begins, so there is
 * no running maximum and nothing is rescaled. In training, log_sum = log sum_j exp(s_j) of each
 * query and head is kept in place of the probabilities: the backward pass computes them again from
 * it. */
static void forward_block(const query_block *b)
{
    const attention *a = b->k->a;
    const attention_sequence *s = b->s;
    const row_kernels *rows = rows_of(b);
    gather(b, s->q, s->q_stride, a->key_width, a->scale, b->w.q);
    products_with(b, b->w.q, a->key_width, false, b->w.scores);
    for (int64_t i = 0; i < b->rows; i++) {
        real *scores = b->w.scores + i * b->stride;
        int64_t count = prepare_scores(b, i), head = head_of(b, i);
        real log_sum = a->sinks ? rows->softmax_sink(count, scores, a->sinks[head], scores)
                                : rows->softmax(count, scores, scores);
        clear_unseen(b, i, count);
        if (s->log_sum) s->log_sum[query_of(b, i) * a->heads + head] = log_sum;
    }
    sums_over(b, b->w.scores, a->value_width, true, b->w.out);
    scatter(b, b->w.out, a->value_width, 1, s->out, s->out_stride);
}

/* Deals the tasks out to the workers in turn. Of a causal sequence later blocks see more keys and
 * take longer, and so each worker gets early and late ones. */
static void forward_tasks(void *arg, int worker, int workers)
{
    const attention_task *k = arg;
    int64_t task = 0;
    for (int64_t i = 0; i < k->count; i++) {
        const attention_sequence *s = &k->sequences[i];
        int64_t rows = s->queries * group_of(k->a), step = step_of(k, s, workers);
        for (int64_t begin = 0; begin < rows; begin += step)
            for (int64_t h = 0; h < k->a->kv_heads; h++) {
                if (task++ % workers != worker) continue;
                query_block b = block_at(k, worker, s, h, begin, step);
                forward_block(&b);
            }
    }
}

void attention_forward(compute *c, const attention *a, const attention_sequence *sequences,
    int64_t count, const attention_scratch *scratch)
{
    attention_task k = {
        .c = c, .a = a, .sequences = sequences, .count = count, .scratch = scratch
    };
    compute_subject before = compute_enter(c, TIME_ATTENTION);
    pool_run(c->pool, forward_tasks, &k);
    compute_leave(c, before);
}

/* z = cap tanh(x / cap):  dx = dz (1 - (z / cap)^2). Where p is 0, dz is 0 too, and z may be
 * -inf. */
static void uncap_gradient(int64_t n, real cap, const real *z, const real *p, real *dz)
{
    for (int64_t j = 0; j < n; j++) {
        real t = z[j] / cap;
        dz[j] = p[j] > 0 ? dz[j] * (1 - t * t) : 0;
    }
}

/* Adds dz of row i to the gradient of the bias, by the distances of its keys. */
static void add_to_bias(const query_block *b, int64_t i, const real *dz)
{
    const attention *a = b->k->a;
    int64_t position = b->s->first + query_of(b, i),
            seen = (a->bidirectional ? b->key_end : position + 1) - b->key_begin;
    real *d = a->dbias + head_of(b, i) * a->bias_span + a->bias_zero + b->key_begin - position;
    rows_of(b)->add(seen, dz, d);
}

/* Computes the probabilities p = exp(z - log_sum) in scores, and turns dp, which dscores holds,
 * into the gradient of the scores:  dz = p (dp - delta), delta = sum_j p_j dp_j. With
 * dp_j = dout . v_j and out = sum_j p_j v_j, delta is out . dout: a product of two short rows of
 * value_width elements in place of a sum over all keys. delta is kept for the gradient of sinks. */
static void backward_rows(const query_block *b, real *delta)
{
    const attention *a = b->k->a;
    const row_kernels *rows = rows_of(b);
    for (int64_t i = 0; i < b->rows; i++) {
        real *p = b->w.scores + i * b->stride, *dp = b->w.dscores + i * b->stride;
        int64_t count = prepare_scores(b, i), head = head_of(b, i), query = query_of(b, i),
                at = query * a->heads + head;
        if (a->softcap > 0) memcpy(b->w.capped, p, (size_t)count * sizeof *p);
        rows->exp_minus(count, p, b->s->log_sum[at], p);
        clear_unseen(b, i, count);
        const real *out = b->s->out + query * b->s->out_stride + head * a->value_width;
        delta[at] = rows->dot(a->value_width, b->w.dout + i * a->value_width, out);
        rows->softmax_delta(b->key_end - b->key_begin, p, dp, delta[at], dp);
        if (a->dbias) add_to_bias(b, i, dp);
        if (a->softcap > 0) uncap_gradient(count, a->softcap, b->w.capped, p, dp);
    }
}

/* d [keys, width] += x^T . y, a sum over this block's rows: x [rows, keys], y [rows, width] */
static void add_to_keys(
    const query_block *b, const real *x, const real *y, int64_t width, real *d, int64_t stride)
{
    gemm_group g = { .m = b->key_end - b->key_begin,
        .n = width,
        .k = b->rows,
        .a = x,
        .a_stride = b->stride,
        .b = matrix_of_floats(y, width),
        .c = d + b->key_begin * stride,
        .c_stride = stride };
    gemm_serial(b->k->c, b->worker, GEMM_TN, &g, true);
}

/* x = (scale q) k^T, p = softmax(x), out = p v:
 * dv = p^T dout, dp = dout v^T, dk = dx^T (scale q), dq = scale dx k */
static void backward_block(const query_block *b, const attention_gradient *g, real *delta)
{
    const attention *a = b->k->a;
    const attention_sequence *s = b->s;
    gather(b, s->q, s->q_stride, a->key_width, a->scale, b->w.q);
    gather(b, g->dout, s->out_stride, a->value_width, 1, b->w.dout);
    products_with(b, b->w.q, a->key_width, false, b->w.scores);
    products_with(b, b->w.dout, a->value_width, true, b->w.dscores);
    backward_rows(b, delta);
    add_to_keys(b, b->w.scores, b->w.dout, a->value_width, g->dv + b->kv_head * s->kv.value_head,
        s->kv.value_stride);
    add_to_keys(b, b->w.dscores, b->w.q, a->key_width, g->dk + b->kv_head * s->kv.key_head,
        s->kv.key_stride);
    sums_over(b, b->w.dscores, a->key_width, false, b->w.dq);
    scatter(b, b->w.dq, a->key_width, a->scale, g->dq, s->q_stride);
}

static void clear_head(real *d, int64_t keys, int64_t stride, int64_t width)
{
    for (int64_t p = 0; p < keys; p++) memset(d + p * stride, 0, (size_t)width * sizeof *d);
}

/* One task of the backward pass. No other task adds to dk and dv of this sequence and key-value
 * head, so they need no lock, and their chains are in the order of the queries whoever computes
 * them. The keys of the whole sequence lie in one block here, as always in training. */
static void backward_sequence(
    const attention_task *k, int worker, int64_t i, int64_t kv_head, real *delta)
{
    const attention *a = k->a;
    const attention_sequence *s = &k->sequences[i];
    const attention_gradient *g = &k->gradients[i];
    int64_t keys = a->bidirectional ? s->keys : s->queries;
    assert(s->first == 0 && s->kv.block >= keys);
    clear_head(g->dk + kv_head * s->kv.key_head, keys, s->kv.key_stride, a->key_width);
    clear_head(g->dv + kv_head * s->kv.value_head, keys, s->kv.value_stride, a->value_width);
    int64_t step = step_of(k, s, 1), rows = s->queries * group_of(a);
    for (int64_t begin = 0; begin < rows; begin += step) {
        query_block b = block_at(k, worker, s, kv_head, begin, step);
        backward_block(&b, g, delta);
    }
}

static void backward_tasks(void *arg, int worker, int workers)
{
    const attention_task *k = arg;
    real *delta = k->scratch->delta;
    int64_t task = 0;
    for (int64_t i = 0; i < k->count; i++) {
        for (int64_t h = 0; h < k->a->kv_heads; h++, task++)
            if ((k->a->dbias ? h : task) % workers == worker)
                backward_sequence(k, worker, i, h, delta);
        delta += k->sequences[i].queries * k->a->heads;
    }
}

/* The sink has no value, so its dp is 0:  dsink = p_sink (0 - delta) with
 * p_sink = exp(sink - log_sum) */
static void add_sink_gradient(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const attention_task *k = arg;
    const attention *a = k->a;
    for (int64_t i = 0, first = 0; i < k->count; first += k->sequences[i++].queries) {
        int64_t from = token > first ? token - first : 0, rest = token_end - first,
                until = rest < k->sequences[i].queries ? rest : k->sequences[i].queries;
        for (int64_t t = from; t < until; t++)
            for (int64_t h = begin; h < end; h++) {
                real p;
                k->c->variant->rows->exp_minus(
                    1, &a->sinks[h], k->sequences[i].log_sum[t * a->heads + h], &p);
                to[h - begin] -= p * k->scratch->delta[(first + t) * a->heads + h];
            }
    }
}

static void sink_gradient(attention_task *k)
{
    const attention *a = k->a;
    int64_t tokens = 0;
    for (int64_t i = 0; i < k->count; i++) tokens += k->sequences[i].queries;
    leaf_sum sum = { tokens, a->heads, tokens * a->heads, a->accumulate, add_sink_gradient, k };
    leaves_sum(k->c, a->leaves, &sum, a->dsinks);
}

void attention_backward(compute *c, const attention *a, const attention_sequence *sequences,
    const attention_gradient *gradients, int64_t count, const attention_scratch *scratch)
{
    attention_task k = { .c = c,
        .a = a,
        .sequences = sequences,
        .gradients = gradients,
        .count = count,
        .scratch = scratch };
    if (a->dbias && !a->accumulate)
        memset(a->dbias, 0, (size_t)(a->heads * a->bias_span) * sizeof *a->dbias);
    compute_subject before = compute_enter(c, TIME_ATTENTION);
    pool_run(c->pool, backward_tasks, &k);
    if (a->dsinks) sink_gradient(&k);
    compute_leave(c, before);
}
