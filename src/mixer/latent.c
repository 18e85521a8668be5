/* latent.c - latent attention (DeepSeek-V2, 2024), and its expanded form, which training needs:
 *
 *     q                = heads of [nope | rope] (latent_queries.c)
 *     kv_low           = x Wkva^T = [latent | rotary key]
 *     kv               = norm(latent) Wkvb^T = heads of [nope | value]
 *     k of each head   = [its nope | the rotary key, rotated, which all heads share]
 *
 * Ranks that have some of the heads compute some columns of the low rows, and gather them. In
 * backward they gather what all heads give by q and kv, and by the rotary key, which is the sum of
 * the heads' in their order; the low rows' gradients come in columns again. */
#include <string.h>

#include "mixer/latent_parts.h"
#include "mixer/mixer_ops.h"
#include "op/latent.h"

static latent widths_of(const mixer_config *c)
{
    return (latent){ c->heads, c->nope_dim, c->rope_dim, c->value_dim };
}
static int64_t low_row(const mixer_config *c) { return c->kv_lora + c->rope_dim; }
static int64_t kv_row(const mixer_config *c) { return c->heads * (c->nope_dim + c->value_dim); }
static int64_t all_kv_row(const mixer_config *c)
{
    return mixer_all_heads(c) * (c->nope_dim + c->value_dim);
}

/* ---- memory ---- */

static latent_mixer latent_of(const mixer_config *c, const column_gather *tensor, bool training)
{
    latent_mixer m = { .a = { .shape = attending_shape(c) } };
    if (training) {
        attending_gathers(&m.a, c, tensor);
        m.a.value_row = kv_row(c);
        m.a.value_head = c->nope_dim + c->value_dim;
        m.a.value_first = c->nope_dim;
        return m;
    }
    m.a.shape.kv_heads = 1;
    m.a.shape.key_width = low_row(c);
    m.a.shape.value_width = c->kv_lora;
    m.a.value_row = low_row(c);
    m.a.value_head = c->value_dim;
    return m;
}

static void lay_kept(latent_mixer *m, arena *a, const mixer_config *c, const batch_limits *most)
{
    int64_t tokens = most->tokens;
    attending_lay_kept(&m->a, a, most, most->training);
    output_gate_lay_kept(&m->gate, a, c, most);
    m->kv_low_inverse = ARENA_ARRAY(a, real, tokens);
    if (c->q_lora) {
        m->q_low = ARENA_ARRAY(a, real, tokens * c->q_lora);
        m->q_low_normed = ARENA_ARRAY(a, real, tokens * c->q_lora);
        m->q_low_inverse = ARENA_ARRAY(a, real, tokens);
    }
    if (most->training) {
        m->kv_low = ARENA_ARRAY(a, real, tokens * low_row(c));
        m->kv_low_normed = ARENA_ARRAY(a, real, tokens * c->kv_lora);
    } else {
        m->q_expanded = ARENA_ARRAY(a, real, tokens * c->heads * c->head_dim);
        m->out_heads = ARENA_ARRAY(a, real, tokens * mixer_all_heads(c) * c->value_dim);
    }
}

static void lay_workspace(
    latent_mixer *m, arena *a, const mixer_config *c, const batch_limits *most, int workers)
{
    int64_t low = c->q_lora > c->kv_lora ? c->q_lora : c->kv_lora;
    attending_lay_workspace(&m->a, a, most, workers, most->keys);
    output_gate_lay_workspace(&m->gate, a, c, most);
    if (most->training) {
        m->dlow = ARENA_ARRAY(a, real, most->tokens * low);
        m->dkv_low = ARENA_ARRAY(a, real, most->tokens * low_row(c));
        if (!c->whole_kv_heads) return;
        m->all_q = ARENA_ARRAY(a, real, most->tokens * mixer_all_heads(c) * c->head_dim);
        m->all_kv = ARENA_ARRAY(a, real, most->tokens * all_kv_row(c));
    } else m->groups = ARENA_ARRAY(a, gemm_group, c->heads);
}

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    latent_mixer m = latent_of(c, NULL, most->training);
    arena measured = { 0 };
    lay_kept(&m, &measured, c, most);
    return measured.used;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    latent_mixer m = latent_of(c, NULL, most->training);
    arena measured = { 0 };
    lay_workspace(&m, &measured, c, most, workers);
    return measured.used;
}

static latent_mixer begin(const mixer_call *call, const mixer_gradients *g)
{
    latent_mixer m = latent_of(call->config, call->tensor, call->most->training);
    arena kept = { .base = call->kept, .size = call->kept_bytes },
          work = { .base = call->workspace, .size = call->workspace_bytes };
    lay_kept(&m, &kept, call->config, call->most);
    lay_workspace(&m, &work, call->config, call->most, call->compute->workers);
    attending_begin(&m.a, call, g);
    output_gate_begin(&m.gate, &m.a);
    return m;
}

/* One row of [latent | rotary key] serves all heads. */
static mixer_state_size state(const mixer_config *c)
{
    return (mixer_state_size){
        .key_row = low_row(c), .window = c->bidirectional ? 0 : c->window, .format = c->cache
    };
}

/* ---- the expanded form ---- */

static void project(const mixer_call *call, const latent_mixer *m, const real *x)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    int64_t low = low_row(c);
    linear a = mixer_linear(call->weights, NULL, MIXER_KV_A, MIXER_KV_A_BIAS),
           up = mixer_linear(call->weights, NULL, MIXER_KV_B, MIXER_NOTHING);
    norm n = mixer_norm(call->weights, NULL, MIXER_KV_A_NORM, 1, c->latent_norm_eps);
    latent l = widths_of(c);
    latent_queries_low(call, m, x);
    linear_forward(call->compute, &a, b->tokens, rows_from(x, c->width),
        rows_to(m->kv_low + gather_first(call->tensor, low, low), low));
    const gathered rows[] = { { low, low, m->kv_low }, { c->q_lora, c->q_lora, m->q_low } };
    gather_together(call->tensor, b->tokens, rows, c->q_lora ? 2 : 1);
    latent_queries_forward(call, m, x, m->a.q);
    norm_forward(call->compute, &n, b->tokens, rows_from(m->kv_low, low),
        rows_to(m->kv_low_normed, c->kv_lora), m->kv_low_inverse);
    linear_forward(call->compute, &up, b->tokens, rows_from(m->kv_low_normed, c->kv_lora),
        rows_to(m->a.values, kv_row(c)));
    rope_forward(call->compute, call->positions.rope, b->tokens, 1, b->positions,
        rows_to(m->kv_low + c->kv_lora, low), c->rope_dim);
    latent_keys_forward(
        call->compute, &l, b->tokens, m->a.values, m->kv_low + c->kv_lora, low, m->a.k);
}

/* The rotary parts of all heads' dk, side by side in all_q, give the gradient of the key that they
 * share; then dvalues of all heads stand in all_kv. */
static void gather_keys(const mixer_call *call, const latent_mixer *m)
{
    const mixer_config *c = call->config;
    int64_t tokens = call->batch->tokens, heads = mixer_all_heads(c), own = c->heads,
            row = heads * c->rope_dim, low = low_row(c);
    real *at = m->all_q + gather_first(call->tensor, row, c->whole_kv_heads);
    latent shared = { heads, 0, c->rope_dim, 0 };
    for (int64_t i = 0; i < tokens * own; i++)
        memcpy(at + i / own * row + i % own * c->rope_dim, m->a.dk + i * c->head_dim + c->nope_dim,
            (size_t)c->rope_dim * sizeof *at);
    gather_columns(call->tensor, tokens, row, c->whole_kv_heads, m->all_q);
    latent_keys_backward(
        call->compute, &shared, tokens, m->all_q, m->all_kv, m->dkv_low + c->kv_lora, low);
    gather_copied(
        call->tensor, tokens, m->a.dvalues, kv_row(c), all_kv_row(c), c->whole_kv_heads, m->all_kv);
}

/* k, values = [kv's nope | rotary key], kv's value; kv = norm(latent) Wkvb^T */
static void keys_backward(const mixer_call *call, const mixer_gradients *g, const latent_mixer *m,
    const real *x, real *dx)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    int64_t low = low_row(c);
    linear a = mixer_linear(call->weights, g, MIXER_KV_A, MIXER_KV_A_BIAS),
           up = mixer_linear(call->weights, g, MIXER_KV_B, MIXER_NOTHING);
    norm n = mixer_norm(call->weights, g, MIXER_KV_A_NORM, 1, c->latent_norm_eps);
    latent l = widths_of(c);
    latent_keys_backward(
        call->compute, &l, b->tokens, m->a.dk, m->a.dvalues, m->dkv_low + c->kv_lora, low);
    if (m->all_kv) gather_keys(call, m);
    rope_backward(call->compute, call->positions.rope, b->tokens, 1, b->positions,
        rows_to(m->dkv_low + c->kv_lora, low), c->rope_dim);
    linear_backward(call->compute, &up, b->tokens, rows_from(m->kv_low_normed, c->kv_lora),
        rows_from(m->all_kv ? m->all_kv : m->a.dvalues, all_kv_row(c)),
        rows_to(m->dlow, c->kv_lora));
    gather_columns(call->tensor, b->tokens, c->kv_lora, c->kv_lora, m->dlow);
    norm_backward(call->compute, &n, b->tokens, rows_from(m->kv_low, low), m->kv_low_inverse,
        rows_from(m->dlow, c->kv_lora), rows_to(m->dkv_low, low));
    linear_backward(call->compute, &a, b->tokens, rows_from(x, c->width),
        rows_from(m->dkv_low, low), rows_added(dx, c->width));
    gather_columns(call->tensor, b->tokens, c->width, c->width, dx);
}

/* ---- the mixer ---- */

static void forward(const mixer_call *call, const real *x, real *y)
{
    latent_mixer m = begin(call, NULL);
    if (!call->most->training) {
        latent_absorbed_forward(call, &m, x, y);
        return;
    }
    project(call, &m, x);
    output_gate_project(call, &m.gate, x);
    attending_forward(&m.a, call);
    output_gate_forward(call, &m.gate, &m.a);
    attending_project(call, m.gate.gated, y);
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    latent_mixer m = begin(call, g);
    attending_project_backward(call, g, m.gate.gated, dy, m.a.dout);
    output_gate_backward(call, &m.gate, &m.a);
    attending_backward(&m.a, call);
    latent_queries_backward(call, g, &m, x, dx);
    output_gate_project_backward(call, g, &m.gate, x, dx);
    keys_backward(call, g, &m, x, dx);
}

const mixer mixer_latent = {
    .name = "latent",
    .words = "latent attention: keys and values of all heads are made of one small row",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = true,
    .places = true,
};
