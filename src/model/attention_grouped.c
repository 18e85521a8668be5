/* attention_grouped.c - projections of grouped-query attention: q, k, v = x W^T; norms of q and k; rotary positions. */
#include "model/attention_layer.h"

static bool normed(const model_config *c) { return c->qk_norm != QK_NORM_NONE; }
static int64_t norm_heads(const model_config *c, int64_t heads) { return c->qk_norm == QK_NORM_HEAD ? heads : 1; }

static void project(const attention_env *e, const layer_weights *w, const token_batch *b, const real *x, attention_state *s)
{
    const model_config *c = e->config;
    int64_t q_row = c->heads * c->head_dim, kv_row = c->kv_heads * c->head_dim;
    linear q = linear_of(w, NULL, ROLE_Q), k = linear_of(w, NULL, ROLE_K), v = linear_of(w, NULL, ROLE_V);
    const linear *in[3] = { &q, &k, &v };
    real *out[3] = { normed(c) ? s->q_raw : s->q, normed(c) ? s->k_raw : s->k, s->kv };
    linear_forward_together(e->compute, in, 3, b->tokens, x, c->width, out, (int64_t[]){ q_row, kv_row, kv_row });
    if (normed(c)) {
        norm nq = norm_of(w, NULL, ROLE_Q_NORM, norm_heads(c, c->heads), c->norm_eps);
        norm nk = norm_of(w, NULL, ROLE_K_NORM, norm_heads(c, c->kv_heads), c->norm_eps);
        norm_forward(e->compute, &nq, b->tokens, s->q_raw, q_row, s->q, q_row, s->q_inverse);
        norm_forward(e->compute, &nk, b->tokens, s->k_raw, kv_row, s->k, kv_row, s->k_inverse);
    }
    rope_forward(e->compute, e->rope, b->tokens, c->heads, b->positions, s->q, q_row, c->head_dim);
    rope_forward(e->compute, e->rope, b->tokens, c->kv_heads, b->positions, s->k, kv_row, c->head_dim);
}

static void project_backward(const attention_env *e, const layer_weights *w, const layer_gradients *g, const token_batch *b,
                             const real *x, attention_state *s, real *dx)
{
    const model_config *c = e->config;
    int64_t q_row = c->heads * c->head_dim, kv_row = c->kv_heads * c->head_dim;
    rope_backward(e->compute, e->rope, b->tokens, c->heads, b->positions, e->dq, q_row, c->head_dim);
    rope_backward(e->compute, e->rope, b->tokens, c->kv_heads, b->positions, e->dk, kv_row, c->head_dim);
    if (normed(c)) { /* q = norm(q_raw), k = norm(k_raw) */
        norm nq = norm_of(w, g, ROLE_Q_NORM, norm_heads(c, c->heads), c->norm_eps);
        norm nk = norm_of(w, g, ROLE_K_NORM, norm_heads(c, c->kv_heads), c->norm_eps);
        norm_backward(e->compute, &nq, b->tokens, s->q_raw, q_row, s->q_inverse, e->dq, q_row, false, e->dq, q_row);
        norm_backward(e->compute, &nk, b->tokens, s->k_raw, kv_row, s->k_inverse, e->dk, kv_row, false, e->dk, kv_row);
    }
    linear q = linear_of(w, g, ROLE_Q), k = linear_of(w, g, ROLE_K), v = linear_of(w, g, ROLE_V);
    linear_backward(e->compute, &q, b->tokens, x, c->width, e->dq, q_row, false, dx, c->width);
    linear_backward(e->compute, &k, b->tokens, x, c->width, e->dk, kv_row, true, dx, c->width);
    linear_backward(e->compute, &v, b->tokens, x, c->width, e->dkv, kv_row, true, dx, c->width);
}

const attention_parts attention_grouped = { project, project_backward };
