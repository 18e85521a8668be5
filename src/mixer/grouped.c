/* grouped.c - grouped-query attention, in which several query heads share one key-value head.
 *
 * The passes of forward, for T tokens of width D. For example, Qwen3-30B-A3B has 32 query heads and
 * 4 key-value heads of width 128, so that 8 query heads share the keys and values of one:
 *
 *     1. project   q_raw [T, 32 * 128], k_raw [T, 4 * 128], values [T, 4 * 128] = x W^T + b
 *     2. norm      q, k = norms of q_raw and k_raw, over each head or over the whole row; or their
 *                  rows put in order, where the file holds them in pairs; or the same memory. Ranks
 *                  that have some of the heads gather the row of a norm over all of them
 *     3. clip      q, k and values to -limit .. limit, where the model has a limit
 *     4. rotate    q and k, by the positions of their tokens
 *     5. attend    out [T, 32 * 128] = softmax(scale q k^T) values, head by head (attending.c),
 *                  and times its gate, where the model has one (output_gate.c)
 *     6. project   y [T, D] = out Wo^T + bo
 *
 * Backward goes from 6 to 1: dy gives dout, this gives dq, dk and dvalues, then the rotation and
 * the norms are differentiated in place, and three products add up dx. Ranks that have some of the
 * heads gather the rows of all heads for the norms, whose gains have sums over heads, and for the
 * products; each computes some columns of dx. */
#include <string.h>

#include "mixer/attending.h"
#include "mixer/mixer_ops.h"
#include "mixer/output_gate.h"
#include "op/parallel.h"

typedef struct grouped {
    attending a;
    /* Kept: rows before their norms, or in the file's order; NULL: not needed */
    real *q_raw, *k_raw;
    real *q_inverse, *k_inverse;
    real *all_q, *all_kv; /* workspace: rows of all ranks' heads; NULL: all are here */
    output_gate gate;
    /* Workspace: rows of [queries | gates] for each head, or their gradient (of all ranks' heads);
     * NULL: the queries have a matrix of their own */
    real *q_and_gate;
    real *ones; /* [value_dim] workspace: the gain of values' norm; NULL: it has none */
} grouped;

static bool normed(const mixer_config *c) { return c->qk_norm != QK_NORM_NONE; }
static int64_t norm_heads(const mixer_config *c, int64_t heads)
{
    return c->qk_norm == QK_NORM_HEAD ? heads : 1;
}
static int64_t query_row(const mixer_config *c) { return c->heads * c->head_dim; }
static int64_t kv_row(const mixer_config *c) { return c->kv_heads * c->head_dim; }

/* Rows of all ranks' heads */
static int64_t all_query_row(const mixer_config *c) { return mixer_all_heads(c) * c->head_dim; }
static int64_t all_kv_row(const mixer_config *c) { return mixer_all_kv_heads(c) * c->head_dim; }

/* Whether a norm reads the heads of other ranks too */
static bool norms_all(const mixer_config *c)
{
    return c->whole_kv_heads && c->qk_norm == QK_NORM_FULL;
}
/* Whether rows before their norms have room for all ranks' heads, each in its place */
static bool keeps_all(const mixer_config *c, bool training)
{
    return norms_all(c) || (training && c->whole_kv_heads && normed(c));
}
static int64_t raw_query_row(const mixer_config *c, bool training)
{
    return keeps_all(c, training) ? all_query_row(c) : query_row(c);
}
static int64_t raw_kv_row(const mixer_config *c, bool training)
{
    return keeps_all(c, training) ? all_kv_row(c) : kv_row(c);
}

/* ---- memory ---- */

static grouped grouped_of(const mixer_config *c, const column_gather *tensor)
{
    grouped m = (grouped){ .a = {
                               .shape = attending_shape(c),
                               .value_row = kv_row(c),
                               .value_head = c->value_dim,
                           } };
    attending_gathers(&m.a, c, tensor);
    return m;
}

static void lay_kept(grouped *m, arena *a, const mixer_config *c, const batch_limits *most)
{
    int64_t tokens = most->tokens;
    attending_lay_kept(&m->a, a, most, true);
    output_gate_lay_kept(&m->gate, a, c, most);
    if (!normed(c) && !c->paired_rows) return;
    m->q_raw = ARENA_ARRAY(a, real, tokens * raw_query_row(c, most->training));
    m->k_raw = ARENA_ARRAY(a, real, tokens * raw_kv_row(c, most->training));
    m->q_inverse = ARENA_ARRAY(a, real, tokens * norm_heads(c, mixer_all_heads(c)));
    m->k_inverse = ARENA_ARRAY(a, real, tokens * norm_heads(c, mixer_all_kv_heads(c)));
}

static void lay_workspace(
    grouped *m, arena *a, const mixer_config *c, const batch_limits *most, int workers)
{
    attending_lay_workspace(&m->a, a, most, workers, most->keys);
    output_gate_lay_workspace(&m->gate, a, c, most);
    if (c->values != VALUES_PLAIN) m->ones = ARENA_ARRAY(a, real, c->value_dim);
    if (c->gating == GATE_IN_QUERIES)
        m->q_and_gate = ARENA_ARRAY(
            a, real, most->tokens * 2 * (most->training ? all_query_row(c) : query_row(c)));
    if (!most->training || !c->whole_kv_heads) return;
    m->all_q = ARENA_ARRAY(a, real, most->tokens * all_query_row(c));
    m->all_kv = ARENA_ARRAY(a, real, most->tokens * all_kv_row(c));
}

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    grouped m = grouped_of(c, NULL);
    arena measured = { 0 };
    lay_kept(&m, &measured, c, most);
    return measured.used;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    grouped m = grouped_of(c, NULL);
    arena measured = { 0 };
    lay_workspace(&m, &measured, c, most, workers);
    return measured.used;
}

static grouped begin(const mixer_call *call, const mixer_gradients *g)
{
    grouped m = grouped_of(call->config, call->tensor);
    arena kept = { .base = call->kept, .size = call->kept_bytes },
          work = { .base = call->workspace, .size = call->workspace_bytes };
    lay_kept(&m, &kept, call->config, call->most);
    lay_workspace(&m, &work, call->config, call->most, call->compute->workers);
    attending_begin(&m.a, call, g);
    output_gate_begin(&m.gate, &m.a);
    return m;
}

static mixer_state_size state(const mixer_config *c)
{
    return (mixer_state_size){ .key_row = kv_row(c),
        .value_row = c->kv_heads * c->value_dim,
        .heads = c->kv_heads,
        .window = c->bidirectional ? 0 : c->window,
        .format = c->cache };
}

/* ---- rows ---- */

typedef struct row_task {
    int64_t width, half;
    real limit;
    const real *from;
    real *to;
} row_task;

/* Some families' files (GGUF) hold a head's rows in pairs: element 2i of `from` is element i of
 * `to`, and 2i + 1 is i + half. */
static void part_pairs(void *arg, int64_t begin, int64_t end)
{
    const row_task *k = arg;
    for (int64_t h = begin; h < end; h++)
        for (int64_t i = 0; i < k->half; i++) {
            const real *pair = k->from + (h * k->half + i) * 2;
            real *head = k->to + h * k->half * 2;
            head[i] = pair[0];
            head[i + k->half] = pair[1];
        }
}

/* Rows of [queries | gates] for each head, apart and together */
typedef struct gate_rows {
    int64_t heads, width;
    real *both;
    strided_out q, gate;
} gate_rows;

static void part_gates(void *arg, int64_t begin, int64_t end)
{
    const gate_rows *k = arg;
    size_t bytes = (size_t)k->width * sizeof(real);
    for (int64_t i = begin; i < end; i++) {
        int64_t t = i / k->heads, at = i % k->heads * k->width;
        const real *both = k->both + i * 2 * k->width;
        memcpy(k->q.at + t * k->q.stride + at, both, bytes);
        memcpy(k->gate.at + t * k->gate.stride + at, both + k->width, bytes);
    }
}

static void join_gates(void *arg, int64_t begin, int64_t end)
{
    const gate_rows *k = arg;
    size_t bytes = (size_t)k->width * sizeof(real);
    for (int64_t i = begin; i < end; i++) {
        int64_t t = i / k->heads, at = i % k->heads * k->width;
        real *both = k->both + i * 2 * k->width;
        memcpy(both, k->q.at + t * k->q.stride + at, bytes);
        memcpy(both + k->width, k->gate.at + t * k->gate.stride + at, bytes);
    }
}

static void clip_rows(void *arg, int64_t begin, int64_t end)
{
    const row_task *k = arg;
    real limit = k->limit;
    for (int64_t i = begin * k->width; i < end * k->width; i++)
        k->to[i] = k->to[i] > limit ? limit : k->to[i] < -limit ? -limit : k->to[i];
}

static void put_in_order(const mixer_call *call, int64_t heads, const real *from, real *to)
{
    int64_t rows = call->batch->tokens * heads, width = call->config->head_dim;
    row_task k = { .half = width / 2, .from = from, .to = to };
    parallel_over(call->compute, rows, 1, rows * width, part_pairs, &k);
}

static void clip(const mixer_call *call, int64_t width, real *x)
{
    int64_t tokens = call->batch->tokens;
    row_task k = { .width = width, .limit = (real)call->config->clip, .to = x };
    parallel_over(call->compute, tokens, 1, tokens * width, clip_rows, &k);
}

/* ---- projections ---- */

/* Where a product with this rank's heads writes, in rows that may have all ranks' */
static strided_out raw_rows(
    const mixer_call *call, real *raw, real *own, int64_t row, int64_t whole)
{
    if (!raw) return rows_to(own, row);
    int64_t pieces = call->config->whole_kv_heads;
    return rows_to(whole == row ? raw : raw + gather_first(call->tensor, whole, pieces), whole);
}

/* [T, own] elements, one a head, become [T, all] with each in its place. */
static void spread_heads(const mixer_call *call, int64_t own, int64_t all, real *x)
{
    int64_t first = gather_first(call->tensor, all, call->config->whole_kv_heads);
    for (int64_t t = call->batch->tokens; t-- > 0;)
        memmove(x + t * all + first, x + t * own, (size_t)own * sizeof *x);
}

/* Norms of each head */
static void norm_queries_and_keys(const mixer_call *call, const grouped *m)
{
    const mixer_config *c = call->config;
    bool training = call->most->training;
    int64_t tokens = call->batch->tokens, q_row = query_row(c), k_row = kv_row(c);
    norm nq = mixer_norm(call->weights, NULL, MIXER_Q_NORM, norm_heads(c, c->heads), c->norm_eps);
    norm nk =
        mixer_norm(call->weights, NULL, MIXER_K_NORM, norm_heads(c, c->kv_heads), c->norm_eps);
    strided_out q = raw_rows(call, m->q_raw, NULL, q_row, raw_query_row(c, training)),
                k = raw_rows(call, m->k_raw, NULL, k_row, raw_kv_row(c, training));
    norm_forward(call->compute, &nq, tokens, rows_from(q.at, q.stride), rows_to(m->a.q, q_row),
        m->q_inverse);
    norm_forward(call->compute, &nk, tokens, rows_from(k.at, k.stride), rows_to(m->a.k, k_row),
        m->k_inverse);
    if (!keeps_all(c, training)) return;
    spread_heads(call, c->heads, mixer_all_heads(c), m->q_inverse);
    spread_heads(call, c->kv_heads, mixer_all_kv_heads(c), m->k_inverse);
}

/* The columns of this rank's heads */
static void take_own(const mixer_call *call, int64_t whole, int64_t own, const real *from, real *to)
{
    const real *first = from + gather_first(call->tensor, whole, call->config->whole_kv_heads);
    for (int64_t t = 0; t < call->batch->tokens; t++)
        memcpy(to + t * own, first + t * whole, (size_t)own * sizeof *to);
}

/* Backward needs the rows as they were. */
static void norm_all_heads(const mixer_call *call, const grouped *m)
{
    const mixer_config *c = call->config;
    int64_t tokens = call->batch->tokens, q_row = all_query_row(c), k_row = all_kv_row(c);
    real *q = m->all_q ? m->all_q : m->q_raw, *k = m->all_kv ? m->all_kv : m->k_raw;
    norm nq = mixer_norm(call->weights, NULL, MIXER_Q_NORM, 1, c->norm_eps);
    norm nk = mixer_norm(call->weights, NULL, MIXER_K_NORM, 1, c->norm_eps);
    const gathered raw[] = { { q_row, c->whole_kv_heads, m->q_raw },
        { k_row, c->whole_kv_heads, m->k_raw } };
    gather_together(call->tensor, tokens, raw, 2);
    norm_forward(
        call->compute, &nq, tokens, rows_from(m->q_raw, q_row), rows_to(q, q_row), m->q_inverse);
    norm_forward(
        call->compute, &nk, tokens, rows_from(m->k_raw, k_row), rows_to(k, k_row), m->k_inverse);
    take_own(call, q_row, query_row(c), q, m->a.q);
    take_own(call, k_row, kv_row(c), k, m->a.k);
}

/* Queries and gates of this rank's heads, where one matrix gives both */
static void part_queries(const mixer_call *call, const grouped *m, strided_out queries)
{
    const mixer_config *c = call->config;
    gate_rows k = { c->heads, c->head_dim, m->q_and_gate, queries,
        rows_to(m->gate.value, query_row(c)) };
    int64_t rows = call->batch->tokens * c->heads;
    if (m->q_and_gate)
        parallel_over(call->compute, rows, 1, 2 * rows * c->head_dim, part_gates, &k);
}

/* Values that are normed; of the keys, before the keys' norm and their rotation */
static void norm_values(const mixer_call *call, const grouped *m, strided_out keys)
{
    const mixer_config *c = call->config;
    strided_out to = rows_to(m->a.values, kv_row(c)),
                from = c->values == VALUES_OF_KEYS ? keys : to;
    norm n = {
        .heads = c->kv_heads, .width = c->value_dim, .gain = m->ones, .eps = (real)c->norm_eps
    };
    if (!m->ones) return;
    for (int64_t i = 0; i < c->value_dim; i++) m->ones[i] = 1;
    norm_forward(call->compute, &n, call->batch->tokens, rows_from(from.at, from.stride), to, NULL);
}

/* The gradient by the rows that the matrix of queries gives, of all heads */
static strided_in query_gradient(const mixer_call *call, const grouped *m, real *dq)
{
    const mixer_config *c = call->config;
    int64_t heads = mixer_all_heads(c), row = all_query_row(c), rows = call->batch->tokens * heads;
    gate_rows k = { heads, c->head_dim, m->q_and_gate, rows_to(dq, row),
        rows_to(m->gate.dvalue, row) };
    if (!m->q_and_gate) return rows_from(dq, row);
    parallel_over(call->compute, rows, 1, 2 * rows * c->head_dim, join_gates, &k);
    return rows_from(m->q_and_gate, 2 * row);
}

static void project(const mixer_call *call, const grouped *m, const real *x)
{
    const mixer_config *c = call->config;
    int64_t q_row = query_row(c), k_row = kv_row(c);
    linear q = mixer_linear(call->weights, NULL, MIXER_Q, MIXER_Q_BIAS),
           k = mixer_linear(call->weights, NULL, MIXER_K, MIXER_K_BIAS),
           v = mixer_linear(call->weights, NULL, MIXER_V, MIXER_V_BIAS);
    const linear *in[3] = { &q, &k, &v };
    bool training = call->most->training;
    strided_out queries = raw_rows(call, m->q_raw, m->a.q, q_row, raw_query_row(c, training)),
                out[3] = { m->q_and_gate ? rows_to(m->q_and_gate, 2 * q_row) : queries,
                    raw_rows(call, m->k_raw, m->a.k, k_row, raw_kv_row(c, training)),
                    rows_to(m->a.values, k_row) };
    linear_forward_together(call->compute, in, c->values == VALUES_OF_KEYS ? 2 : 3,
        call->batch->tokens, rows_from(x, c->width), out);
    part_queries(call, m, queries);
    norm_values(call, m, out[1]);
    if (norms_all(c)) {
        norm_all_heads(call, m);
    } else if (normed(c)) {
        norm_queries_and_keys(call, m);
    } else if (c->paired_rows) {
        put_in_order(call, c->heads, m->q_raw, m->a.q);
        put_in_order(call, c->kv_heads, m->k_raw, m->a.k);
    }
    if (c->clip > 0) {
        clip(call, q_row, m->a.q);
        clip(call, k_row, m->a.k);
        clip(call, k_row, m->a.values);
    }
}

static void rotate(const mixer_call *call, const grouped *m)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    const rope *r = call->positions.rope;
    if (!r) return;
    rope_forward(call->compute, r, b->tokens, c->heads, b->positions, rows_to(m->a.q, query_row(c)),
        c->head_dim);
    rope_forward(call->compute, r, b->tokens, c->kv_heads, b->positions, rows_to(m->a.k, kv_row(c)),
        c->head_dim);
}

static void rotate_backward(const mixer_call *call, const grouped *m)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    const rope *r = call->positions.rope;
    if (!r) return;
    rope_backward(call->compute, r, b->tokens, c->heads, b->positions,
        rows_to(m->a.dq, query_row(c)), c->head_dim);
    rope_backward(call->compute, r, b->tokens, c->kv_heads, b->positions,
        rows_to(m->a.dk, kv_row(c)), c->head_dim);
}

/* The rows of all heads: the gradients, and what the norms read of each head alone */
static void gather_heads(const mixer_call *call, const grouped *m)
{
    const mixer_config *c = call->config;
    const column_gather *g = call->tensor;
    int64_t tokens = call->batch->tokens, pieces = c->whole_kv_heads, q_row = all_query_row(c),
            k_row = all_kv_row(c);
    if (!m->all_q) return;
    gather_copied(g, tokens, m->a.dq, query_row(c), q_row, pieces, m->all_q);
    gather_copied(g, tokens, m->a.dk, kv_row(c), k_row, pieces, m->all_kv);
    if (c->qk_norm != QK_NORM_HEAD) return;
    const gathered raw[] = { { q_row, pieces, m->q_raw }, { k_row, pieces, m->k_raw } },
                   inverse[] = { { mixer_all_heads(c), pieces, m->q_inverse },
                       { pieces, pieces, m->k_inverse } };
    gather_together(g, tokens, raw, 2);
    gather_together(g, tokens, inverse, 2);
}

/* q, k = rotate(norm(q_raw)), rotate(norm(k_raw)). dq, dk: of all heads */
static void norms_backward(
    const mixer_call *call, const mixer_gradients *g, const grouped *m, real *dq, real *dk)
{
    const mixer_config *c = call->config;
    int64_t tokens = call->batch->tokens, q_row = all_query_row(c), k_row = all_kv_row(c);
    if (!normed(c)) return;
    norm nq =
        mixer_norm(call->weights, g, MIXER_Q_NORM, norm_heads(c, mixer_all_heads(c)), c->norm_eps);
    norm nk = mixer_norm(
        call->weights, g, MIXER_K_NORM, norm_heads(c, mixer_all_kv_heads(c)), c->norm_eps);
    norm_backward(call->compute, &nq, tokens, rows_from(m->q_raw, q_row), m->q_inverse,
        rows_from(dq, q_row), rows_to(dq, q_row));
    norm_backward(call->compute, &nk, tokens, rows_from(m->k_raw, k_row), m->k_inverse,
        rows_from(dk, k_row), rows_to(dk, k_row));
}

/* q_raw, k_raw, v = x Wq^T + bq, x Wk^T + bk, x Wv^T + bv */
static void project_backward(
    const mixer_call *call, const mixer_gradients *g, const grouped *m, const real *x, real *dx)
{
    const mixer_config *c = call->config;
    int64_t tokens = call->batch->tokens, k_row = all_kv_row(c);
    real *dq = m->all_q ? m->all_q : m->a.dq, *dk = m->all_kv ? m->all_kv : m->a.dk,
         *dv = m->all_kv ? m->all_kv : m->a.dvalues;
    linear q = mixer_linear(call->weights, g, MIXER_Q, MIXER_Q_BIAS),
           k = mixer_linear(call->weights, g, MIXER_K, MIXER_K_BIAS),
           v = mixer_linear(call->weights, g, MIXER_V, MIXER_V_BIAS);
    strided_in in = rows_from(x, c->width);
    strided_out first = rows_to(dx, c->width), further = rows_added(dx, c->width);
    norms_backward(call, g, m, dq, dk);
    linear_backward(call->compute, &q, tokens, in, query_gradient(call, m, dq), first);
    linear_backward(call->compute, &k, tokens, in, rows_from(dk, k_row), further);
    if (m->all_kv)
        gather_copied(call->tensor, tokens, m->a.dvalues, kv_row(c), k_row, c->whole_kv_heads, dv);
    linear_backward(call->compute, &v, tokens, in, rows_from(dv, k_row), further);
    output_gate_project_backward(call, g, &m->gate, x, dx);
    gather_columns(call->tensor, tokens, c->width, c->width, dx);
}

/* ---- the mixer ---- */

static void forward(const mixer_call *call, const real *x, real *y)
{
    grouped m = begin(call, NULL);
    project(call, &m, x);
    output_gate_project(call, &m.gate, x);
    rotate(call, &m);
    attending_forward(&m.a, call);
    output_gate_forward(call, &m.gate, &m.a);
    attending_project(call, m.gate.gated, y);
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    grouped m = begin(call, g);
    attending_project_backward(call, g, m.gate.gated, dy, m.a.dout);
    output_gate_backward(call, &m.gate, &m.a);
    attending_backward(&m.a, call);
    rotate_backward(call, &m);
    gather_heads(call, &m);
    project_backward(call, g, &m, x, dx);
}

const mixer mixer_grouped = {
    .name = "grouped",
    .words = "grouped-query attention",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = true,
    .places = true,
};
