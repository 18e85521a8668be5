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
        linear_forward(e->compute, &a, b->tokens, x, c->width, s->q_low, c->q_lora);
        norm_forward(e->compute, &n, b->tokens, s->q_low, c->q_lora, s->q_low_normed, c->q_lora,
            s->q_low_inverse);
        linear_forward(e->compute, &up, b->tokens, s->q_low_normed, c->q_lora, q, row);
    } else {
        linear direct = linear_of(w, NULL, ROLE_Q);
        linear_forward(e->compute, &direct, b->tokens, x, c->width, q, row);
    }
    rope_forward(
        e->compute, e->rope, b->tokens, c->heads, b->positions, q + c->nope_dim, row, c->head_dim);
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
    linear_forward(e->compute, &a, b->tokens, x, c->width, s->kv_low, low);
    norm_forward(
        e->compute, &n, b->tokens, s->kv_low, low, s->kv_low_normed, c->kv_lora, s->kv_low_inverse);
    linear_forward(e->compute, &up, b->tokens, s->kv_low_normed, c->kv_lora, s->kv, kv_row);
    rope_forward(
        e->compute, e->rope, b->tokens, 1, b->positions, s->kv_low + c->kv_lora, low, c->rope_dim);
    latent_keys_forward(e->compute, &l, b->tokens, s->kv, s->kv_low + c->kv_lora, low, s->k);
}

static void queries_backward(const attention_env *e, const layer_weights *w,
    const layer_gradients *g, const token_batch *b, const real *x, attention_state *s, real *dx)
{
    const model_config *c = e->config;
    int64_t row = c->heads * c->head_dim;
    rope_backward(e->compute, e->rope, b->tokens, c->heads, b->positions, e->dq + c->nope_dim, row,
        c->head_dim);
    if (!c->q_lora) {
        linear q = linear_of(w, g, ROLE_Q);
        linear_backward(e->compute, &q, b->tokens, x, c->width, e->dq, row, false, dx, c->width);
        return;
    }
    linear a = linear_with_bias(w, g, ROLE_Q_A, ROLE_Q_A_BIAS), up = linear_of(w, g, ROLE_Q_B);
    norm n = norm_of(w, g, ROLE_Q_A_NORM, 1, c->latent_norm_eps);
    linear_backward(e->compute, &up, b->tokens, s->q_low_normed, c->q_lora, e->dq, row, false,
        e->dlow, c->q_lora);
    norm_backward(e->compute, &n, b->tokens, s->q_low, c->q_lora, s->q_low_inverse, e->dlow,
        c->q_lora, false, e->dlow, c->q_lora);
    linear_backward(
        e->compute, &a, b->tokens, x, c->width, e->dlow, c->q_lora, false, dx, c->width);
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
    rope_backward(
        e->compute, e->rope, b->tokens, 1, b->positions, dkv_low + c->kv_lora, low, c->rope_dim);
    linear_backward(e->compute, &up, b->tokens, s->kv_low_normed, c->kv_lora, e->dkv, kv_row, false,
        dnormed, c->kv_lora);
    norm_backward(e->compute, &n, b->tokens, s->kv_low, low, s->kv_low_inverse, dnormed, c->kv_lora,
        false, dkv_low, low);
    linear_backward(e->compute, &a, b->tokens, x, c->width, dkv_low, low, true, dx, c->width);
}

const attention_parts attention_latent = { .project = project,
    .project_backward = project_backward };
