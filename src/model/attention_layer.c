/* attention_layer.c - memory of the attention half, and what grouped-query and latent attention
 * have in common. */
#include "model/attention_layer.h"

#include "model/relative_bias.h"

/* Rows of what attention reads and writes, in reals a token. */
static int64_t query_row(const attention_env *e) { return e->shape.heads * e->shape.key_width; }
static int64_t key_row(const attention_env *e) { return e->shape.kv_heads * e->shape.key_width; }
static int64_t out_row(const attention_env *e) { return e->shape.heads * e->shape.value_width; }
/* What the output projection reads */
static int64_t head_row(const model_config *c) { return c->heads * c->value_dim; }

/* Values lie by themselves, behind each head's part of the keys (latent), or are the keys' first
 * part (absorbed). */
static int64_t value_row(const attention_env *e)
{
    const model_config *c = e->config;
    return e->absorbed ? key_row(e)
                       : c->kv_heads * (c->latent ? c->nope_dim + c->value_dim : c->value_dim);
}
static int64_t value_head(const model_config *c)
{
    return c->latent ? c->nope_dim + c->value_dim : c->value_dim;
}
static const real *values_of(const attention_env *e, const attention_state *s)
{
    return e->absorbed ? s->k : s->kv + (e->config->latent ? e->config->nope_dim : 0);
}

/* ---- memory ---- */

static void layout_raw(attention_state *s, arena *a, const model_config *c, int64_t tokens)
{
    if (c->qk_norm == QK_NORM_NONE && !c->paired_rows) return;
    bool head = c->qk_norm == QK_NORM_HEAD;
    s->q_raw = ARENA_ARRAY(a, real, tokens * c->heads * c->head_dim);
    s->k_raw = ARENA_ARRAY(a, real, tokens * c->kv_heads * c->head_dim);
    s->q_inverse = ARENA_ARRAY(a, real, tokens * (head ? c->heads : 1));
    s->k_inverse = ARENA_ARRAY(a, real, tokens * (head ? c->kv_heads : 1));
}

static void layout_latent(attention_state *s, arena *a, const model_config *c, int64_t tokens)
{
    s->kv_low_inverse = ARENA_ARRAY(a, real, tokens);
    if (!c->q_lora) return;
    s->q_low = ARENA_ARRAY(a, real, tokens * c->q_lora);
    s->q_low_normed = ARENA_ARRAY(a, real, tokens * c->q_lora);
    s->q_low_inverse = ARENA_ARRAY(a, real, tokens);
}

static void layout_expanded(attention_state *s, arena *a, const model_config *c, int64_t tokens)
{
    s->kv = ARENA_ARRAY(a, real, tokens * c->kv_heads * value_head(c));
    if (!c->latent) return;
    s->kv_low = ARENA_ARRAY(a, real, tokens * (c->kv_lora + c->rope_dim));
    s->kv_low_normed = ARENA_ARRAY(a, real, tokens * c->kv_lora);
}

static void layout_absorbed(attention_state *s, arena *a, const model_config *c, int64_t tokens)
{
    s->q_raw = ARENA_ARRAY(a, real, tokens * c->heads * c->head_dim);
    s->out_heads = ARENA_ARRAY(a, real, tokens * head_row(c));
}

static void take_shape(attention_env *e, const model_config *c, bool training)
{
    e->config = c;
    e->absorbed = c->latent && !training;
    e->shape = (attention){ .heads = c->heads,
        .kv_heads = e->absorbed ? 1 : c->kv_heads,
        .key_width = e->absorbed ? c->kv_lora + c->rope_dim : c->head_dim,
        .value_width = e->absorbed ? c->kv_lora : c->value_dim,
        .scale = (real)model_config_attention_scale(c),
        .softcap = (real)c->attention_softcap,
        .bidirectional = c->whole };
}

void attention_state_layout(
    attention_state *s, arena *a, const model_config *c, int64_t tokens, bool training)
{
    attention_env e;
    take_shape(&e, c, training);
    *s = (attention_state){ 0 };
    s->q = ARENA_ARRAY(a, real, tokens * query_row(&e));
    s->k = ARENA_ARRAY(a, real, tokens * key_row(&e));
    s->out = ARENA_ARRAY(a, real, tokens * out_row(&e));
    if (training) s->log_sum = ARENA_ARRAY(a, real, tokens * c->heads);
    if (c->latent) layout_latent(s, a, c, tokens);
    else layout_raw(s, a, c, tokens);
    if (e.absorbed) layout_absorbed(s, a, c, tokens);
    else layout_expanded(s, a, c, tokens);
}

static void layout_gradients(
    attention_env *e, arena *a, const model_config *c, int64_t tokens, int64_t sequences)
{
    int64_t low = c->q_lora > c->kv_lora ? c->q_lora : c->kv_lora;
    e->gradients = ARENA_ARRAY(a, attention_gradient, sequences);
    e->dq = ARENA_ARRAY(a, real, tokens * query_row(e));
    e->dk = ARENA_ARRAY(a, real, tokens * key_row(e));
    e->dkv = ARENA_ARRAY(a, real, tokens * value_row(e));
    e->dout = ARENA_ARRAY(a, real, tokens * out_row(e));
    e->dlow = ARENA_ARRAY(a, real, tokens * (low + c->kv_lora + c->rope_dim));
}

void attention_env_layout(
    attention_env *e, arena *a, const model_config *c, int workers, const batch_limits *most)
{
    int64_t keys = most->keys > most->encoder_tokens ? most->keys : most->encoder_tokens;
    take_shape(e, c, most->training);
    e->tokens = most->tokens;
    e->scratch =
        attention_scratch_take(a, &e->shape, workers, keys, most->training ? most->tokens : 0);
    e->sequences = ARENA_ARRAY(a, attention_sequence, most->sequences);
    e->keys = ARENA_ARRAY(a, const real *, most->sequences);
    e->values = ARENA_ARRAY(a, const real *, most->sequences);
    if (e->absorbed) e->groups = ARENA_ARRAY(a, gemm_group, c->heads);
    if (c->relative_buckets) {
        e->bias = ARENA_ARRAY(a, real, 2 * c->heads * most->keys);
        e->shape.bias = e->bias;
        e->shape.bias_span = 2 * most->keys;
        e->shape.bias_zero = most->keys;
    }
    if (c->cross) attention_cross_layout(e, a, c, most->encoder_tokens);
    if (most->training) layout_gradients(e, a, c, most->tokens, most->sequences);
}

void attention_env_begin(const attention_env *e, const weight *relative)
{
    if (e->bias) relative_bias_fill(e->config, relative, e->shape.bias_zero, e->bias);
}

/* ---- attention over the sequences of a batch ---- */

/* Without a cache the sequence's own keys are one block. */
static kv_view own_keys(
    const attention_env *e, const token_batch *b, int64_t i, const attention_state *s)
{
    e->keys[i] = s->k + b->start[i] * key_row(e);
    e->values[i] = values_of(e, s) + b->start[i] * value_row(e);
    return (kv_view){ .keys = &e->keys[i],
        .values = &e->values[i],
        .block = b->start[i + 1] - b->start[i],
        .key_stride = key_row(e),
        .key_head = e->shape.key_width,
        .value_stride = value_row(e),
        .value_head = value_head(e->config) };
}

static kv_view cached_keys(const attention_env *e, const token_batch *b, int64_t i, int64_t layer,
    const attention_state *s)
{
    int64_t from = b->start[i], count = b->start[i + 1] - from;
    kv_cache_put(b->caches[i], layer, count, s->k + from * key_row(e),
        values_of(e, s) + from * value_row(e));
    kv_view view = kv_cache_view(b->caches[i], layer);
    view.key_head = e->shape.key_width;
    view.value_head = e->shape.value_width;
    return view;
}

static void fill_sequences(
    const attention_env *e, const token_batch *b, int64_t layer, const attention_state *s)
{
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t from = b->start[i];
        e->sequences[i] = (attention_sequence){
            .queries = b->start[i + 1] - from,
            .keys = b->start[i + 1] - from,
            .first = b->caches ? b->caches[i]->length : 0,
            .q = s->q + from * query_row(e),
            .q_stride = query_row(e),
            .kv = b->caches ? cached_keys(e, b, i, layer, s) : own_keys(e, b, i, s),
            .out = s->out + from * out_row(e),
            .out_stride = out_row(e),
            .log_sum = s->log_sum ? s->log_sum + from * e->shape.heads : NULL,
        };
    }
}

static attention shape_of(
    const attention_env *e, const layer_weights *w, const layer_gradients *g, int64_t layer)
{
    attention shape = e->shape;
    shape.window = e->config->layer[layer].window;
    shape.sinks = w->role[ROLE_SINKS].data;
    shape.dsinks = g ? g->role[ROLE_SINKS] : NULL;
    shape.accumulate = g && g->accumulate;
    return shape;
}

static const attention_parts *parts_of(const attention_env *e)
{
    return e->absorbed         ? &attention_absorbed
           : e->config->latent ? &attention_latent
                               : &attention_grouped;
}

void attention_layer_forward(const attention_env *e, const layer_weights *w, int64_t layer,
    const token_batch *b, const real *x, attention_state *s, real *y)
{
    const model_config *c = e->config;
    attention shape = shape_of(e, w, NULL, layer);
    parts_of(e)->project(e, w, b, x, s);
    fill_sequences(e, b, layer, s);
    attention_forward(e->compute, &shape, e->sequences, b->sequences, &e->scratch);
    if (parts_of(e)->finish) parts_of(e)->finish(e, w, b, s);
    linear o = linear_with_bias(w, NULL, ROLE_O, ROLE_O_BIAS);
    linear_forward(e->compute, &o, b->tokens,
        rows_from(s->out_heads ? s->out_heads : s->out, head_row(c)), rows_to(y, c->width));
}

/* y = out Wo^T + bo; out = attention(q, k, values); q, k, values = project(x) */
void attention_layer_backward(const attention_env *e, const layer_weights *w,
    const layer_gradients *g, int64_t layer, const token_batch *b, const real *x,
    attention_state *s, const real *dy, real *dx)
{
    const model_config *c = e->config;
    attention shape = shape_of(e, w, g, layer);
    linear o = linear_with_bias(w, g, ROLE_O, ROLE_O_BIAS);
    linear_backward(e->compute, &o, b->tokens, rows_from(s->out, out_row(e)),
        rows_from(dy, c->width), rows_to(e->dout, out_row(e)));
    fill_sequences(e, b, layer, s);
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t from = b->start[i];
        e->gradients[i] = (attention_gradient){ e->dout + from * out_row(e),
            e->dq + from * query_row(e), e->dk + from * key_row(e),
            e->dkv + from * value_row(e) + (c->latent ? c->nope_dim : 0) };
    }
    attention_backward(e->compute, &shape, e->sequences, e->gradients, b->sequences, &e->scratch);
    parts_of(e)->project_backward(e, w, g, b, x, s, dx);
}
