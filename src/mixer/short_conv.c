/* short_conv.c - a gated short convolution (LFM2, 2025): a token reads the K - 1 before it.
 *
 *     b, c, v = x W_in^T                   [3D]
 *     s = convolution over time of b v     [D]      op/causal_conv.h
 *     y = (c s) W_out^T */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "mixer/mixer_ops.h"
#include "mixer/sequence_state.h"
#include "op/causal_conv.h"
#include "op/parallel.h"

typedef struct short_conv {
    int64_t width;
    real *in;                     /* kept: b, c, v of every token [T, 3D] */
    real *u, *s, *gated;          /* kept: b v, its convolution, c s [T, D] */
    real *past;                   /* workspace: [B, K - 1, D] */
    real *dgated, *ds, *du, *din; /* workspace, in training: as those without d */
    const row_kernels *rows;
    causal_conv conv;
} short_conv;

static void lay_kept(short_conv *m, arena *a, const batch_limits *most)
{
    int64_t row = most->tokens * m->width;
    m->in = ARENA_ARRAY(a, real, 3 * row);
    m->u = ARENA_ARRAY(a, real, row);
    m->s = ARENA_ARRAY(a, real, row);
    m->gated = ARENA_ARRAY(a, real, row);
}

static void lay_workspace(short_conv *m, arena *a, const batch_limits *most)
{
    int64_t row = most->tokens * m->width;
    m->past = ARENA_ARRAY(a, real, most->sequences * causal_conv_past(&m->conv));
    if (!most->training) return;
    m->dgated = ARENA_ARRAY(a, real, row);
    m->ds = ARENA_ARRAY(a, real, row);
    m->du = ARENA_ARRAY(a, real, row);
    m->din = ARENA_ARRAY(a, real, 3 * row);
}

static short_conv sized(const mixer_config *c)
{
    return (short_conv){ .width = c->width, .conv = { .channels = c->width, .kernel = c->conv } };
}

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    short_conv m = sized(c);
    arena measured = { 0 };
    lay_kept(&m, &measured, most);
    return measured.used;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    short_conv m = sized(c);
    arena measured = { 0 };
    (void)workers;
    lay_workspace(&m, &measured, most);
    return measured.used;
}

static mixer_state_size state(const mixer_config *c)
{
    return (mixer_state_size){ .fixed = (c->conv - 1) * c->width };
}

/* g NULL: forward only */
static short_conv begin(const mixer_call *call, const mixer_gradients *g)
{
    short_conv m = sized(call->config);
    arena kept = { .base = call->kept, .size = call->kept_bytes },
          work = { .base = call->workspace, .size = call->workspace_bytes };
    lay_kept(&m, &kept, call->most);
    lay_workspace(&m, &work, call->most);
    m.rows = call->compute->variant->rows;
    m.conv.w = call->weights->part[MIXER_CONV].data;
    if (!g) return m;
    m.conv.dw = g->part[MIXER_CONV];
    m.conv.accumulate = g->accumulate;
    m.conv.leaves = g->leaves;
    return m;
}

/* ---- states ---- */

/* Takes what came before the sequences: zeros where one begins. */
static void take_states(const mixer_call *call, const short_conv *m)
{
    const token_batch *b = call->batch;
    int64_t size = causal_conv_past(&m->conv);
    for (int64_t i = 0; i < b->sequences; i++) {
        real *past = m->past + i * size;
        const real *fixed = b->states ? b->states[i]->layer[call->layer].fixed : NULL;
        if (fixed) memcpy(past, fixed, (size_t)size * sizeof *past);
        else memset(past, 0, (size_t)size * sizeof *past);
    }
}

static void give_states(const mixer_call *call, const short_conv *m)
{
    const token_batch *b = call->batch;
    int64_t size = causal_conv_past(&m->conv);
    for (int64_t i = 0; b->states && i < b->sequences; i++) {
        real *past = m->past + i * size;
        causal_conv_keep(&m->conv, b, i, rows_from(m->u, m->width), past);
        memcpy(b->states[i]->layer[call->layer].next, past, (size_t)size * sizeof *past);
    }
}

/* ---- gates ---- */

static void gate_inputs(void *arg, int64_t begin, int64_t end)
{
    const short_conv *m = arg;
    int64_t n = m->width;
    for (int64_t t = begin; t < end; t++) {
        const real *in = m->in + t * 3 * n;
        m->rows->multiply(n, in, in + 2 * n, m->u + t * n);
    }
}

static void gate_outputs(void *arg, int64_t begin, int64_t end)
{
    const short_conv *m = arg;
    int64_t n = m->width;
    for (int64_t t = begin; t < end; t++)
        m->rows->multiply(n, m->in + t * 3 * n + n, m->s + t * n, m->gated + t * n);
}

static void gate_outputs_backward(void *arg, int64_t begin, int64_t end)
{
    const short_conv *m = arg;
    int64_t n = m->width;
    for (int64_t t = begin; t < end; t++) {
        m->rows->multiply(n, m->dgated + t * n, m->s + t * n, m->din + t * 3 * n + n);
        m->rows->multiply(n, m->dgated + t * n, m->in + t * 3 * n + n, m->ds + t * n);
    }
}

static void gate_inputs_backward(void *arg, int64_t begin, int64_t end)
{
    const short_conv *m = arg;
    int64_t n = m->width;
    for (int64_t t = begin; t < end; t++) {
        const real *in = m->in + t * 3 * n, *du = m->du + t * n;
        m->rows->multiply(n, du, in + 2 * n, m->din + t * 3 * n);
        m->rows->multiply(n, du, in, m->din + t * 3 * n + 2 * n);
    }
}

/* ---- the mixer ---- */

static void forward(const mixer_call *call, const real *x, real *y)
{
    short_conv m = begin(call, NULL);
    compute *c = call->compute;
    int64_t n = m.width, tokens = call->batch->tokens;
    linear in = mixer_linear(call->weights, NULL, MIXER_CONV_IN, MIXER_NOTHING),
           out = mixer_linear(call->weights, NULL, MIXER_CONV_OUT, MIXER_NOTHING);
    linear_forward(c, &in, tokens, rows_from(x, n), rows_to(m.in, 3 * n));
    parallel_over(c, tokens, 1, tokens * n, gate_inputs, &m);
    take_states(call, &m);
    causal_conv_forward(c, &m.conv, call->batch, m.past, rows_from(m.u, n), rows_to(m.s, n));
    parallel_over(c, tokens, 1, tokens * n, gate_outputs, &m);
    linear_forward(c, &out, tokens, rows_from(m.gated, n), rows_to(y, n));
    give_states(call, &m);
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    short_conv m = begin(call, g);
    compute *c = call->compute;
    const token_batch *b = call->batch;
    int64_t n = m.width;
    linear in = mixer_linear(call->weights, g, MIXER_CONV_IN, MIXER_NOTHING),
           out = mixer_linear(call->weights, g, MIXER_CONV_OUT, MIXER_NOTHING);
    assert(!b->states);
    linear_backward(
        c, &out, b->tokens, rows_from(m.gated, n), rows_from(dy, n), rows_to(m.dgated, n));
    parallel_over(c, b->tokens, 1, b->tokens * n, gate_outputs_backward, &m);
    causal_conv_backward(c, &m.conv, b, rows_from(m.u, n), rows_from(m.ds, n), rows_to(m.du, n));
    parallel_over(c, b->tokens, 1, b->tokens * n, gate_inputs_backward, &m);
    linear_backward(c, &in, b->tokens, rows_from(x, n), rows_from(m.din, 3 * n), rows_to(dx, n));
}

const mixer mixer_short_conv = {
    .name = "short-conv",
    .words = "a gated short convolution",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = false,
};
