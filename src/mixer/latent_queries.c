/* latent_queries.c - latent attention's queries:
 *
 *     q_low = x Wqa^T;  q = norm(q_low) Wqb^T  (or q = x Wq^T)       heads of [nope | rope], the
 *                       rope part rotated */
#include "mixer/latent_parts.h"
#include "mixer/mixer_ops.h"

void latent_queries_low(const mixer_call *call, const latent_mixer *m, const real *x)
{
    const mixer_config *c = call->config;
    linear a = mixer_linear(call->weights, NULL, MIXER_Q_A, MIXER_Q_A_BIAS);
    real *own = m->q_low + gather_first(call->tensor, c->q_lora, c->q_lora);
    if (c->q_lora)
        linear_forward(call->compute, &a, call->batch->tokens, rows_from(x, c->width),
            rows_to(own, c->q_lora));
}

static void rank_limited(const mixer_call *call, const latent_mixer *m, real *q)
{
    const mixer_config *c = call->config;
    int64_t tokens = call->batch->tokens, low = c->q_lora, row = c->heads * c->head_dim;
    linear up = mixer_linear(call->weights, NULL, MIXER_Q_B, MIXER_NOTHING);
    norm n = mixer_norm(call->weights, NULL, MIXER_Q_A_NORM, 1, c->latent_norm_eps);
    norm_forward(call->compute, &n, tokens, rows_from(m->q_low, low), rows_to(m->q_low_normed, low),
        m->q_low_inverse);
    linear_forward(call->compute, &up, tokens, rows_from(m->q_low_normed, low), rows_to(q, row));
}

void latent_queries_forward(const mixer_call *call, const latent_mixer *m, const real *x, real *q)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    int64_t row = c->heads * c->head_dim;
    linear direct = mixer_linear(call->weights, NULL, MIXER_Q, MIXER_NOTHING);
    if (c->q_lora) rank_limited(call, m, q);
    else linear_forward(call->compute, &direct, b->tokens, rows_from(x, c->width), rows_to(q, row));
    rope_forward(call->compute, call->positions.rope, b->tokens, c->heads, b->positions,
        rows_to(q + c->nope_dim, row), c->head_dim);
}

/* The gradient by the queries of all heads */
static const real *dq_of(const latent_mixer *m) { return m->all_q ? m->all_q : m->a.dq; }

/* q = norm(x Wqa^T) Wqb^T */
static void rank_limited_backward(const mixer_call *call, const mixer_gradients *g,
    const latent_mixer *m, const real *x, real *dx)
{
    const mixer_config *c = call->config;
    int64_t tokens = call->batch->tokens, low = c->q_lora, row = mixer_all_heads(c) * c->head_dim;
    linear a = mixer_linear(call->weights, g, MIXER_Q_A, MIXER_Q_A_BIAS),
           up = mixer_linear(call->weights, g, MIXER_Q_B, MIXER_NOTHING);
    norm n = mixer_norm(call->weights, g, MIXER_Q_A_NORM, 1, c->latent_norm_eps);
    linear_backward(call->compute, &up, tokens, rows_from(m->q_low_normed, low),
        rows_from(dq_of(m), row), rows_to(m->dlow, low));
    gather_columns(call->tensor, tokens, low, low, m->dlow);
    norm_backward(call->compute, &n, tokens, rows_from(m->q_low, low), m->q_low_inverse,
        rows_from(m->dlow, low), rows_to(m->dlow, low));
    linear_backward(call->compute, &a, tokens, rows_from(x, c->width), rows_from(m->dlow, low),
        rows_to(dx, c->width));
}

void latent_queries_backward(const mixer_call *call, const mixer_gradients *g,
    const latent_mixer *m, const real *x, real *dx)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    int64_t row = c->heads * c->head_dim;
    rope_backward(call->compute, call->positions.rope, b->tokens, c->heads, b->positions,
        rows_to(m->a.dq + c->nope_dim, row), c->head_dim);
    int64_t all = mixer_all_heads(c) * c->head_dim;
    if (m->all_q)
        gather_copied(call->tensor, b->tokens, m->a.dq, row, all, c->whole_kv_heads, m->all_q);
    if (c->q_lora) {
        rank_limited_backward(call, g, m, x, dx);
        return;
    }
    linear q = mixer_linear(call->weights, g, MIXER_Q, MIXER_NOTHING);
    linear_backward(call->compute, &q, b->tokens, rows_from(x, c->width), rows_from(dq_of(m), all),
        rows_to(dx, c->width));
}
