/* attention_layer.c - memory of the attention half, and what grouped-query and latent attention have in common. */
#include "model/attention_layer.h"

#include <math.h>

static int64_t query_row(const model_config *c) { return c->heads * c->head_dim; }
static int64_t key_row(const model_config *c) { return c->kv_heads * c->head_dim; }
static int64_t value_row(const model_config *c) { return c->kv_heads * (c->latent ? c->nope_dim + c->value_dim : c->value_dim); }
static int64_t out_row(const model_config *c) { return c->heads * c->value_dim; }

/* ---- memory ---- */

static void layout_norms(attention_state *s, arena *a, const model_config *c, int64_t tokens)
{
    if (c->qk_norm == QK_NORM_NONE) return;
    bool head = c->qk_norm == QK_NORM_HEAD;
    s->q_raw = ARENA_ARRAY(a, real, tokens * query_row(c));
    s->k_raw = ARENA_ARRAY(a, real, tokens * key_row(c));
    s->q_inverse = ARENA_ARRAY(a, real, tokens * (head ? c->heads : 1));
    s->k_inverse = ARENA_ARRAY(a, real, tokens * (head ? c->kv_heads : 1));
}

static void layout_latent(attention_state *s, arena *a, const model_config *c, int64_t tokens)
{
    s->kv_low = ARENA_ARRAY(a, real, tokens * (c->kv_lora + c->rope_dim));
    s->kv_low_normed = ARENA_ARRAY(a, real, tokens * c->kv_lora);
    s->kv_low_inverse = ARENA_ARRAY(a, real, tokens);
    if (!c->q_lora) return;
    s->q_low = ARENA_ARRAY(a, real, tokens * c->q_lora);
    s->q_low_normed = ARENA_ARRAY(a, real, tokens * c->q_lora);
    s->q_low_inverse = ARENA_ARRAY(a, real, tokens);
}

void attention_state_layout(attention_state *s, arena *a, const model_config *c, int64_t tokens, bool training)
{
    *s = (attention_state){ 0 };
    s->q = ARENA_ARRAY(a, real, tokens * query_row(c));
    s->k = ARENA_ARRAY(a, real, tokens * key_row(c));
    s->kv = ARENA_ARRAY(a, real, tokens * value_row(c));
    s->out = ARENA_ARRAY(a, real, tokens * out_row(c));
    if (training) s->log_sum = ARENA_ARRAY(a, real, tokens * c->heads);
    if (c->latent) layout_latent(s, a, c, tokens);
    else layout_norms(s, a, c, tokens);
}

static void layout_gradients(attention_env *e, arena *a, const model_config *c, int64_t tokens, int64_t sequences)
{
    int64_t low = c->q_lora > c->kv_lora ? c->q_lora : c->kv_lora;
    e->gradients = ARENA_ARRAY(a, attention_gradient, sequences);
    e->dq = ARENA_ARRAY(a, real, tokens * query_row(c));
    e->dk = ARENA_ARRAY(a, real, tokens * key_row(c));
    e->dkv = ARENA_ARRAY(a, real, tokens * value_row(c));
    e->dout = ARENA_ARRAY(a, real, tokens * out_row(c));
    e->dlow = ARENA_ARRAY(a, real, tokens * (low + c->kv_lora + c->rope_dim));
}

void attention_env_layout(attention_env *e, arena *a, const model_config *c, int workers, int64_t tokens, int64_t sequences,
                          int64_t keys, bool training)
{
    e->config = c;
    e->shape = (attention){ .heads = c->heads, .kv_heads = c->kv_heads, .key_width = c->head_dim, .value_width = c->value_dim,
                            .scale = (real)(1 / sqrt((double)c->head_dim)) };
    e->scratch = attention_scratch_take(a, &e->shape, workers, keys, training ? tokens : 0);
    e->sequences = ARENA_ARRAY(a, attention_sequence, sequences);
    e->keys = ARENA_ARRAY(a, const real *, sequences);
    e->values = ARENA_ARRAY(a, const real *, sequences);
    if (training) layout_gradients(e, a, c, tokens, sequences);
}

/* ---- attention over the sequences of a batch ---- */

static const real *values_of(const model_config *c, const attention_state *s) { return s->kv + (c->latent ? c->nope_dim : 0); }
static int64_t value_head(const model_config *c) { return c->latent ? c->nope_dim + c->value_dim : c->value_dim; }

/* Training: the sequence's own keys are one block. */
static kv_view own_keys(const attention_env *e, const token_batch *b, int64_t i, const attention_state *s)
{
    const model_config *c = e->config;
    e->keys[i] = s->k + b->start[i] * key_row(c);
    e->values[i] = values_of(c, s) + b->start[i] * value_row(c);
    return (kv_view){ .keys = &e->keys[i], .values = &e->values[i], .block = b->start[i + 1] - b->start[i], .key_stride = key_row(c),
                      .key_head = c->head_dim, .value_stride = value_row(c), .value_head = value_head(c) };
}

static kv_view cached_keys(const attention_env *e, const token_batch *b, int64_t i, int64_t layer, const attention_state *s)
{
    const model_config *c = e->config;
    int64_t from = b->start[i], count = b->start[i + 1] - from;
    kv_cache_put(b->caches[i], layer, count, s->k + from * key_row(c), values_of(c, s) + from * value_row(c), value_row(c),
                 value_head(c), c->kv_heads);
    kv_view view = kv_cache_view(b->caches[i], layer);
    view.key_head = c->head_dim;
    view.value_head = c->value_dim;
    return view;
}

static void fill_sequences(const attention_env *e, const token_batch *b, int64_t layer, const attention_state *s)
{
    const model_config *c = e->config;
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t from = b->start[i];
        e->sequences[i] = (attention_sequence){
            .queries = b->start[i + 1] - from,
            .first = b->caches ? b->caches[i]->length : 0,
            .q = s->q + from * query_row(c),
            .q_stride = query_row(c),
            .kv = b->caches ? cached_keys(e, b, i, layer, s) : own_keys(e, b, i, s),
            .out = s->out + from * out_row(c),
            .out_stride = out_row(c),
            .log_sum = s->log_sum ? s->log_sum + from * c->heads : NULL,
        };
    }
}

static const attention_parts *parts_of(const model_config *c) { return c->latent ? &attention_latent : &attention_grouped; }

void attention_layer_forward(const attention_env *e, const layer_weights *w, int64_t layer, const token_batch *b, const real *x,
                             attention_state *s, real *y)
{
    const model_config *c = e->config;
    parts_of(c)->project(e, w, b, x, s);
    fill_sequences(e, b, layer, s);
    attention_forward(e->compute, &e->shape, e->sequences, b->sequences, &e->scratch);
    linear o = linear_of(w, NULL, ROLE_O);
    linear_forward(e->compute, &o, b->tokens, s->out, out_row(c), y, c->width);
}

/* y = out Wo^T; out = attention(q, k, values); q, k, values = project(x) */
void attention_layer_backward(const attention_env *e, const layer_weights *w, const layer_gradients *g, const token_batch *b,
                              const real *x, attention_state *s, const real *dy, real *dx)
{
    const model_config *c = e->config;
    linear o = linear_of(w, g, ROLE_O);
    linear_backward(e->compute, &o, b->tokens, s->out, out_row(c), dy, c->width, false, e->dout, out_row(c));
    fill_sequences(e, b, 0, s);
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t from = b->start[i];
        e->gradients[i] = (attention_gradient){ e->dout + from * out_row(c), e->dq + from * query_row(c), e->dk + from * key_row(c),
                                                e->dkv + from * value_row(c) + (c->latent ? c->nope_dim : 0) };
    }
    attention_backward(e->compute, &e->shape, e->sequences, e->gradients, b->sequences, &e->scratch);
    parts_of(c)->project_backward(e, w, g, b, x, s, dx);
}
