/* attention_latent.c - projections of latent attention (DeepSeek-V2, 2024), in the expanded form
 * that training needs:
 *
 *     q_low = x Wqa^T;  q = norm(q_low) Wqb^T  (or q = x Wq^T)       heads of [nope | rope], the
 *                       rope part turned
 *     kv_low = x Wkva^T = [latent | rotary key];  kv = norm(latent) Wkvb^T       heads of [nope |
 *                                                 value]
 *     k of each head = [its nope | the rotary key, turned, shared by all heads] */
#include "model/attention_layer.h"
#include "op/latent.h"

static latent latent_of(const model_config *c)
{
    return (latent){ c->heads, c->nope_dim, c->rope_dim, c->value_dim };
}

void attention_latent_queries(const attention_env *e, const layer_weights *w, const token_batch *b,
    const real *x, attention_state *s, real *q)
{
    const model_config *c = e->config;
    int64_t row = c->heads * c->head_dim;
    if (c->q_lora) {
        linear a = linear_with_bias(w, NULL, ROLE_Q_A, ROLE_Q_A_BIAS),
               up = linear_of(w, NULL, ROLE_Q_B);
        norm n = norm_of(w, NULL, ROLE_Q_A_NORM, 1, c->latent_norm_eps);
        linear_forward(
            e->compute, &a, b->tokens, rows_from(x, c->width), rows_to(s->q_low, c->q_lora));
        norm_forward(e->compute, &n, b->tokens, rows_from(s->q_low, c->q_lora),
            rows_to(s->q_low_normed, c->q_lora), s->q_low_inverse);
        linear_forward(
            e->compute, &up, b->tokens, rows_from(s->q_low_normed, c->q_lora), rows_to(q, row));
    } else {
        linear direct = linear_of(w, NULL, ROLE_Q);
        linear_forward(e->compute, &direct, b->tokens, rows_from(x, c->width), rows_to(q, row));
    }
    rope_forward(e->compute, e->rope, b->tokens, c->heads, b->positions,
        rows_to(q + c->nope_dim, row), c->head_dim);
}

static void project(const attention_env *e, const layer_weights *w, const token_batch *b,
    const real *x, attention_state *s)
{
    const model_config *c = e->config;
    int64_t low = c->kv_lora + c->rope_dim, kv_row = c->heads * (c->nope_dim + c->value_dim);
    attention_latent_queries(e, w, b, x, s, s->q);
    linear a = linear_with_bias(w, NULL, ROLE_KV_A, ROLE_KV_A_BIAS),
           up = linear_of(w, NULL, ROLE_KV_B);
    norm n = norm_of(w, NULL, ROLE_KV_A_NORM, 1, c->latent_norm_eps);
    latent l = latent_of(c);
    linear_forward(e->compute, &a, b->tokens, rows_from(x, c->width), rows_to(s->kv_low, low));
    norm_forward(e->compute, &n, b->tokens, rows_from(s->kv_low, low),
        rows_to(s->kv_low_normed, c->kv_lora), s->kv_low_inverse);
    linear_forward(e->compute, &up, b->tokens, rows_from(s->kv_low_normed, c->kv_lora),
        rows_to(s->kv, kv_row));
    rope_forward(e->compute, e->rope, b->tokens, 1, b->positions,
        rows_to(s->kv_low + c->kv_lora, low), c->rope_dim);
    latent_keys_forward(e->compute, &l, b->tokens, s->kv, s->kv_low + c->kv_lora, low, s->k);
}

static void queries_backward(const attention_env *e, const layer_weights *w,
    const layer_gradients *g, const token_batch *b, const real *x, attention_state *s, real *dx)
{
    const model_config *c = e->config;
    int64_t row = c->heads * c->head_dim;
    rope_backward(e->compute, e->rope, b->tokens, c->heads, b->positions,
        rows_to(e->dq + c->nope_dim, row), c->head_dim);
    if (!c->q_lora) {
        linear q = linear_of(w, g, ROLE_Q);
        linear_backward(e->compute, &q, b->tokens, rows_from(x, c->width), rows_from(e->dq, row),
            rows_to(dx, c->width));
        return;
    }
    linear a = linear_with_bias(w, g, ROLE_Q_A, ROLE_Q_A_BIAS), up = linear_of(w, g, ROLE_Q_B);
    norm n = norm_of(w, g, ROLE_Q_A_NORM, 1, c->latent_norm_eps);
    linear_backward(e->compute, &up, b->tokens, rows_from(s->q_low_normed, c->q_lora),
        rows_from(e->dq, row), rows_to(e->dlow, c->q_lora));
    norm_backward(e->compute, &n, b->tokens, rows_from(s->q_low, c->q_lora), s->q_low_inverse,
        rows_from(e->dlow, c->q_lora), rows_to(e->dlow, c->q_lora));
    linear_backward(e->compute, &a, b->tokens, rows_from(x, c->width),
        rows_from(e->dlow, c->q_lora), rows_to(dx, c->width));
}

static void project_backward(const attention_env *e, const layer_weights *w,
    const layer_gradients *g, const token_batch *b, const real *x, attention_state *s, real *dx)
{
    const model_config *c = e->config;
    int64_t low = c->kv_lora + c->rope_dim, kv_row = c->heads * (c->nope_dim + c->value_dim);
    queries_backward(e, w, g, b, x, s, dx);
    linear a = linear_with_bias(w, g, ROLE_KV_A, ROLE_KV_A_BIAS), up = linear_of(w, g, ROLE_KV_B);
    norm n = norm_of(w, g, ROLE_KV_A_NORM, 1, c->latent_norm_eps);
    latent l = latent_of(c);
    /* [T, kv_lora], [T, kv_lora + rope] */
    real *dnormed = e->dlow, *dkv_low = e->dlow + b->tokens * c->kv_lora;
    latent_keys_backward(e->compute, &l, b->tokens, e->dk, e->dkv, dkv_low + c->kv_lora, low);
    rope_backward(e->compute, e->rope, b->tokens, 1, b->positions,
        rows_to(dkv_low + c->kv_lora, low), c->rope_dim);
    linear_backward(e->compute, &up, b->tokens, rows_from(s->kv_low_normed, c->kv_lora),
        rows_from(e->dkv, kv_row), rows_to(dnormed, c->kv_lora));
    norm_backward(e->compute, &n, b->tokens, rows_from(s->kv_low, low), s->kv_low_inverse,
        rows_from(dnormed, c->kv_lora), rows_to(dkv_low, low));
    linear_backward(e->compute, &a, b->tokens, rows_from(x, c->width), rows_from(dkv_low, low),
        rows_added(dx, c->width));
}

const attention_parts attention_latent = { .project = project,
    .project_backward = project_backward };
