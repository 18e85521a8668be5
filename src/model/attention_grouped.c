/* attention_grouped.c - projections of grouped-query attention: q, k, v = x W^T + b; norms of q and
 * k, or their rows put in order; a cut at +-clip; rotary positions. */
#include "model/attention_layer.h"
#include "op/parallel.h"

static bool normed(const model_config *c) { return c->qk_norm != QK_NORM_NONE; }
static int64_t norm_heads(const model_config *c, int64_t heads)
{
    return c->qk_norm == QK_NORM_HEAD ? heads : 1;
}

typedef struct row_task {
    int64_t width, half;
    real limit;
    const real *from;
    real *to;
} row_task;

/* Files of some families hold a head's rows in pairs (GGUF): number 2i of `from` is number i of
 * `to`, 2i + 1 is i + half. */
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

static void cut_rows(void *arg, int64_t begin, int64_t end)
{
    const row_task *k = arg;
    real limit = k->limit;
    for (int64_t i = begin * k->width; i < end * k->width; i++)
        k->to[i] = k->to[i] > limit ? limit : k->to[i] < -limit ? -limit : k->to[i];
}

static void put_in_order(
    const attention_env *e, int64_t tokens, int64_t heads, const real *from, real *to)
{
    row_task k = { .half = e->config->head_dim / 2, .from = from, .to = to };
    parallel_over(
        e->compute, tokens * heads, 1, tokens * heads * e->config->head_dim, part_pairs, &k);
}

static void cut(const attention_env *e, int64_t tokens, int64_t width, real *x)
{
    row_task k = { .width = width, .limit = (real)e->config->qkv_clip, .to = x };
    parallel_over(e->compute, tokens, 1, tokens * width, cut_rows, &k);
}

static void project(const attention_env *e, const layer_weights *w, const token_batch *b,
    const real *x, attention_state *s)
{
    const model_config *c = e->config;
    int64_t q_row = c->heads * c->head_dim, kv_row = c->kv_heads * c->head_dim;
    linear q = linear_with_bias(w, NULL, ROLE_Q, ROLE_Q_BIAS),
           k = linear_with_bias(w, NULL, ROLE_K, ROLE_K_BIAS),
           v = linear_with_bias(w, NULL, ROLE_V, ROLE_V_BIAS);
    const linear *in[3] = { &q, &k, &v };
    strided_out out[3] = { rows_to(s->q_raw ? s->q_raw : s->q, q_row),
        rows_to(s->k_raw ? s->k_raw : s->k, kv_row), rows_to(s->kv, kv_row) };
    linear_forward_together(e->compute, in, 3, b->tokens, rows_from(x, c->width), out);
    if (normed(c)) {
        norm nq = norm_of(w, NULL, ROLE_Q_NORM, norm_heads(c, c->heads), c->norm_eps);
        norm nk = norm_of(w, NULL, ROLE_K_NORM, norm_heads(c, c->kv_heads), c->norm_eps);
        norm_forward(e->compute, &nq, b->tokens, rows_from(s->q_raw, q_row), rows_to(s->q, q_row),
            s->q_inverse);
        norm_forward(e->compute, &nk, b->tokens, rows_from(s->k_raw, kv_row), rows_to(s->k, kv_row),
            s->k_inverse);
    } else if (c->paired_rows) {
        put_in_order(e, b->tokens, c->heads, s->q_raw, s->q);
        put_in_order(e, b->tokens, c->kv_heads, s->k_raw, s->k);
    }
    if (c->qkv_clip > 0) {
        cut(e, b->tokens, q_row, s->q);
        cut(e, b->tokens, kv_row, s->k);
        cut(e, b->tokens, kv_row, s->kv);
    }
    if (!e->rope) return;
    rope_forward(
        e->compute, e->rope, b->tokens, c->heads, b->positions, rows_to(s->q, q_row), c->head_dim);
    rope_forward(e->compute, e->rope, b->tokens, c->kv_heads, b->positions, rows_to(s->k, kv_row),
        c->head_dim);
}

static void project_backward(const attention_env *e, const layer_weights *w,
    const layer_gradients *g, const token_batch *b, const real *x, attention_state *s, real *dx)
{
    const model_config *c = e->config;
    int64_t q_row = c->heads * c->head_dim, kv_row = c->kv_heads * c->head_dim;
    rope_backward(
        e->compute, e->rope, b->tokens, c->heads, b->positions, rows_to(e->dq, q_row), c->head_dim);
    rope_backward(e->compute, e->rope, b->tokens, c->kv_heads, b->positions, rows_to(e->dk, kv_row),
        c->head_dim);
    if (normed(c)) { /* q = norm(q_raw), k = norm(k_raw) */
        norm nq = norm_of(w, g, ROLE_Q_NORM, norm_heads(c, c->heads), c->norm_eps);
        norm nk = norm_of(w, g, ROLE_K_NORM, norm_heads(c, c->kv_heads), c->norm_eps);
        norm_backward(e->compute, &nq, b->tokens, rows_from(s->q_raw, q_row), s->q_inverse,
            rows_from(e->dq, q_row), rows_to(e->dq, q_row));
        norm_backward(e->compute, &nk, b->tokens, rows_from(s->k_raw, kv_row), s->k_inverse,
            rows_from(e->dk, kv_row), rows_to(e->dk, kv_row));
    }
    linear q = linear_with_bias(w, g, ROLE_Q, ROLE_Q_BIAS),
           k = linear_with_bias(w, g, ROLE_K, ROLE_K_BIAS),
           v = linear_with_bias(w, g, ROLE_V, ROLE_V_BIAS);
    strided_in in = rows_from(x, c->width);
    strided_out first = rows_to(dx, c->width), further = rows_added(dx, c->width);
    linear_backward(e->compute, &q, b->tokens, in, rows_from(e->dq, q_row), first);
    linear_backward(e->compute, &k, b->tokens, in, rows_from(e->dk, kv_row), further);
    linear_backward(e->compute, &v, b->tokens, in, rows_from(e->dkv, kv_row), further);
}

const attention_parts attention_grouped = { .project = project,
    .project_backward = project_backward };
