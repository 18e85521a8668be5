/* mamba2.c - Mamba-2 (Dao and Gu 2024): a selective state space between two projections. I = H P
 * elements of H heads, C = I + 2 G N channels of a convolution over time:
 *
 *     z, xbc, s = x W_in^T             [I | C | H]
 *     u = SiLU(convolution of xbc)     [C]   op/causal_conv.h
 *     dt = softplus(s + dt_bias)       [H]
 *     o = state space of u and dt      [I]   op/state_space.h
 *     y = norm(o SiLU(z)) W_out^T      the norm is over each of the G groups' elements
 *
 * The state of a sequence is the convolution's last K - 1 inputs, and then the state space's. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "mixer/mixer_ops.h"
#include "mixer/sequence_state.h"
#include "op/causal_conv.h"
#include "op/parallel.h"
#include "op/state_space.h"

typedef struct mamba2 {
    int64_t inner, channels, heads, groups; /* I, C, H, G */
    /* Kept: rows [z | xbc | s + dt_bias]; u; dt; o; o SiLU(z), and that after the norm; one over
     * the root mean squares [T, G]; the state space's */
    real *in, *u, *dt, *o, *gated, *normed, *inverse, *states;
    /* Workspace: what the convolution reads before each sequence [B, K - 1, C]; the pasts' state
     * spaces; states that nobody wants [workers, P, N] */
    real *past;
    const real **before;
    real **after, *scratch;
    /* Workspace, in training: gradients by what is called so, and the state space's own */
    real *din, *du, *do_, *dgated, *ds, *state_workers, *state_shared;
    const row_kernels *rows;
    const row_activation *gate; /* SiLU(z) o */
    const real *dt_bias;
    causal_conv conv;
    state_space space;
} mamba2;

static int64_t in_row(const mamba2 *m) { return m->inner + m->channels + m->heads; }

/* ---- memory ---- */

static void lay_kept(mamba2 *m, arena *a, const batch_limits *most)
{
    int64_t tokens = most->tokens;
    m->in = ARENA_ARRAY(a, real, tokens * in_row(m));
    m->u = ARENA_ARRAY(a, real, tokens * m->channels);
    m->dt = ARENA_ARRAY(a, real, tokens * m->heads);
    m->o = ARENA_ARRAY(a, real, tokens * m->inner);
    m->gated = ARENA_ARRAY(a, real, tokens * m->inner);
    m->normed = ARENA_ARRAY(a, real, tokens * m->inner);
    m->inverse = ARENA_ARRAY(a, real, tokens * m->groups);
    if (most->training) m->states = ARENA_ARRAY(a, real, state_space_kept(&m->space, most));
}

static void lay_workspace(mamba2 *m, arena *a, const batch_limits *most, int workers)
{
    int64_t tokens = most->tokens;
    m->past = ARENA_ARRAY(a, real, most->sequences * causal_conv_past(&m->conv));
    m->before = ARENA_ARRAY(a, const real *, most->sequences);
    m->after = ARENA_ARRAY(a, real *, most->sequences);
    m->scratch = ARENA_ARRAY(a, real, workers * m->space.head_dim * m->space.state);
    if (!most->training) return;
    m->din = ARENA_ARRAY(a, real, tokens * in_row(m));
    m->du = ARENA_ARRAY(a, real, tokens * m->channels);
    m->ds = ARENA_ARRAY(a, real, tokens * m->channels);
    m->do_ = ARENA_ARRAY(a, real, tokens * m->inner);
    m->dgated = ARENA_ARRAY(a, real, tokens * m->inner);
    m->state_workers = ARENA_ARRAY(a, real, workers * state_space_worker(&m->space));
    m->state_shared = ARENA_ARRAY(a, real, state_space_shared(&m->space, most));
}

static mamba2 sized(const mixer_config *c)
{
    mamba2 m = { .space = { .heads = c->state_heads,
                     .head_dim = c->state_head_dim,
                     .groups = c->state_groups,
                     .state = c->state_dim } };
    m.heads = c->state_heads;
    m.groups = c->state_groups;
    m.inner = c->state_heads * c->state_head_dim;
    m.channels = state_space_row(&m.space);
    m.conv = (causal_conv){ .channels = m.channels, .kernel = c->conv, .silu = true };
    return m;
}

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    mamba2 m = sized(c);
    arena measured = { 0 };
    lay_kept(&m, &measured, most);
    return measured.used;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    mamba2 m = sized(c);
    arena measured = { 0 };
    lay_workspace(&m, &measured, most, workers);
    return measured.used;
}

static mixer_state_size state(const mixer_config *c)
{
    mamba2 m = sized(c);
    return (mixer_state_size){ .fixed = causal_conv_past(&m.conv) + state_space_past(&m.space) };
}

/* g NULL: forward only */
static mamba2 begin(const mixer_call *call, const mixer_gradients *g)
{
    mamba2 m = sized(call->config);
    const weight *part = call->weights->part;
    arena kept = { .base = call->kept, .size = call->kept_bytes },
          work = { .base = call->workspace, .size = call->workspace_bytes };
    lay_kept(&m, &kept, call->most);
    lay_workspace(&m, &work, call->most, call->compute->workers);
    m.rows = call->compute->variant->rows;
    m.gate = row_activation_by_name(m.rows, "swiglu");
    m.dt_bias = part[MIXER_DT_BIAS].data;
    m.conv.w = part[MIXER_CONV].data;
    m.conv.bias = part[MIXER_CONV_BIAS].data;
    m.space.a_log = part[MIXER_A_LOG].data;
    m.space.d = part[MIXER_STATE_D].data;
    if (!g) return m;
    m.conv.ds = m.ds;
    m.conv.dw = g->part[MIXER_CONV];
    m.conv.dbias = g->part[MIXER_CONV_BIAS];
    m.space.da_log = g->part[MIXER_A_LOG];
    m.space.dd = g->part[MIXER_STATE_D];
    m.conv.accumulate = m.space.accumulate = g->accumulate;
    m.conv.leaves = m.space.leaves = g->leaves;
    return m;
}

static norm norm_of(const mamba2 *m, const mixer_call *call, const mixer_gradients *g)
{
    norm n = mixer_norm(call->weights, g, MIXER_STATE_NORM, m->groups, call->config->norm_eps);
    n.own_gains = true;
    n.width /= m->groups;
    return n;
}

/* ---- states ---- */

static void take_states(const mixer_call *call, const mamba2 *m)
{
    const token_batch *b = call->batch;
    int64_t size = causal_conv_past(&m->conv);
    for (int64_t i = 0; i < b->sequences; i++) {
        real *past = m->past + i * size;
        if (!b->states) {
            memset(past, 0, (size_t)size * sizeof *past);
            continue;
        }
        const layer_state *layer = &b->states[i]->layer[call->layer];
        memcpy(past, layer->fixed, (size_t)size * sizeof *past);
        m->before[i] = layer->fixed + size;
        m->after[i] = layer->next + size;
    }
}

static void give_states(const mixer_call *call, const mamba2 *m)
{
    const token_batch *b = call->batch;
    int64_t size = causal_conv_past(&m->conv);
    for (int64_t i = 0; b->states && i < b->sequences; i++) {
        real *past = m->past + i * size;
        causal_conv_keep(&m->conv, b, i, rows_from(m->in + m->inner, in_row(m)), past);
        memcpy(b->states[i]->layer[call->layer].next, past, (size_t)size * sizeof *past);
    }
}

/* ---- steps of the sizes and gates ---- */

static void step_sizes(void *arg, int64_t begin, int64_t end)
{
    const mamba2 *m = arg;
    for (int64_t t = begin; t < end; t++) {
        real *s = m->in + t * in_row(m) + m->inner + m->channels;
        m->rows->add(m->heads, m->dt_bias, s);
        m->rows->softplus(m->heads, s, m->dt + t * m->heads);
    }
}

/* dt = softplus(s):  ds = ddt sigmoid(s) */
static void step_sizes_backward(void *arg, int64_t begin, int64_t end)
{
    const mamba2 *m = arg;
    for (int64_t t = begin; t < end; t++) {
        int64_t at = t * in_row(m) + m->inner + m->channels;
        real *derivative = m->dt + t * m->heads; /* dt is not needed any more */
        m->rows->sigmoid(m->heads, m->in + at, derivative);
        m->rows->multiply(m->heads, derivative, m->din + at, m->din + at);
    }
}

static void add_steps(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const mamba2 *m = arg;
    for (int64_t t = token; t < token_end; t++)
        m->rows->add(end - begin, m->din + t * in_row(m) + m->inner + m->channels + begin, to);
}

static void gate_outputs(void *arg, int64_t begin, int64_t end)
{
    const mamba2 *m = arg;
    int64_t n = m->inner;
    for (int64_t t = begin; t < end; t++)
        m->gate->forward(n, m->in + t * in_row(m), m->o + t * n, 0, m->gated + t * n);
}

static void gate_outputs_backward(void *arg, int64_t begin, int64_t end)
{
    const mamba2 *m = arg;
    int64_t n = m->inner;
    for (int64_t t = begin; t < end; t++)
        m->gate->backward(n, m->in + t * in_row(m), m->o + t * n, 0, m->dgated + t * n,
            m->din + t * in_row(m), m->do_ + t * n);
}

/* ---- the mixer ---- */

static void forward(const mixer_call *call, const real *x, real *y)
{
    mamba2 m = begin(call, NULL);
    compute *c = call->compute;
    const token_batch *b = call->batch;
    int64_t n = m.inner, width = call->config->width, tokens = b->tokens;
    linear in = mixer_linear(call->weights, NULL, MIXER_STATE_IN, MIXER_NOTHING),
           out = mixer_linear(call->weights, NULL, MIXER_STATE_OUT, MIXER_NOTHING);
    norm normed = norm_of(&m, call, NULL);
    linear_forward(c, &in, tokens, rows_from(x, width), rows_to(m.in, in_row(&m)));
    parallel_over(c, tokens, 1, tokens * m.heads, step_sizes, &m);
    take_states(call, &m);
    causal_conv_forward(
        c, &m.conv, b, m.past, rows_from(m.in + n, in_row(&m)), rows_to(m.u, m.channels));
    state_space_states states = { b->states ? m.before : NULL, b->states ? m.after : NULL,
        m.scratch, m.states };
    state_space_forward(c, &m.space, b, &states, rows_from(m.u, m.channels),
        rows_from(m.dt, m.heads), rows_to(m.o, n));
    parallel_over(c, tokens, 1, tokens * n, gate_outputs, &m);
    norm_forward(c, &normed, tokens, rows_from(m.gated, n), rows_to(m.normed, n), m.inverse);
    linear_forward(c, &out, tokens, rows_from(m.normed, n), rows_to(y, width));
    give_states(call, &m);
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    mamba2 m = begin(call, g);
    compute *c = call->compute;
    const token_batch *b = call->batch;
    int64_t n = m.inner, width = call->config->width, tokens = b->tokens;
    linear in = mixer_linear(call->weights, g, MIXER_STATE_IN, MIXER_NOTHING),
           out = mixer_linear(call->weights, g, MIXER_STATE_OUT, MIXER_NOTHING);
    norm normed = norm_of(&m, call, g);
    state_space_memory memory = { m.states, m.state_workers, m.state_shared };
    state_space_inputs read = { rows_from(m.u, m.channels), rows_from(m.dt, m.heads),
        rows_from(m.do_, n) };
    leaf_sum steps = { tokens, m.heads, tokens * m.heads, g->accumulate, add_steps, &m };
    assert(!b->states);
    linear_backward(
        c, &out, tokens, rows_from(m.normed, n), rows_from(dy, width), rows_to(m.dgated, n));
    norm_backward(c, &normed, tokens, rows_from(m.gated, n), m.inverse, rows_from(m.dgated, n),
        rows_to(m.dgated, n));
    parallel_over(c, tokens, 1, tokens * n, gate_outputs_backward, &m);
    state_space_backward(c, &m.space, b, &memory, &read, rows_to(m.du, m.channels),
        rows_to(m.din + n + m.channels, in_row(&m)));
    parallel_over(c, tokens, 1, tokens * m.heads, step_sizes_backward, &m);
    if (g->part[MIXER_DT_BIAS]) leaves_sum(c, g->leaves, &steps, g->part[MIXER_DT_BIAS]);
    causal_conv_backward(c, &m.conv, b, rows_from(m.in + n, in_row(&m)),
        rows_from(m.du, m.channels), rows_to(m.din + n, in_row(&m)));
    linear_backward(
        c, &in, tokens, rows_from(x, width), rows_from(m.din, in_row(&m)), rows_to(dx, width));
}

const mixer mixer_mamba2 = {
    .name = "mamba2",
    .words = "a selective state space (Mamba-2)",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = false,
};
