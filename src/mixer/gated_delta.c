/* gated_delta.c - a gated delta net (Yang, Kautz and Hatamizadeh 2024), as Qwen3-Next and Qwen3.5
 * have it: a layer with a state of fixed size, of which a token decides how much each head forgets.
 *
 *     q | k | v = x W_in^T,  z = x W_gate^T,  beta = sigmoid(x W_beta^T)
 *     decay     = of x W_decay^T, one number for each head       decay_gate.h
 *     y         = the rest (delta_core.h) W_out^T */
#include <assert.h>

#include "mixer/delta_core.h"

static delta_core sized(const mixer_config *c) { return delta_core_sized(c, 1, 1); }

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    delta_core m = sized(c);
    arena measured = { 0 };
    delta_core_lay_kept(&m, &measured, most);
    return measured.used;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    delta_core m = sized(c);
    arena measured = { 0 };
    delta_core_lay_workspace(&m, &measured, most, workers);
    return measured.used;
}

static mixer_state_size state(const mixer_config *c)
{
    delta_core m = sized(c);
    return (mixer_state_size){ .fixed = delta_core_state(&m) };
}

enum { INPUTS = 4 };

typedef struct projections {
    linear in[INPUTS], out;
} projections;

static projections projections_of(const mixer_call *call, const mixer_gradients *g)
{
    static const mixer_part parts[INPUTS] = { MIXER_DELTA_IN, MIXER_DELTA_GATE, MIXER_DELTA_BETA,
        MIXER_DELTA_DECAY };
    projections p = { .out = mixer_linear(call->weights, g, MIXER_STATE_OUT, MIXER_NOTHING) };
    for (int i = 0; i < INPUTS; i++)
        p.in[i] = mixer_linear(call->weights, g, parts[i], MIXER_NOTHING);
    return p;
}

static void forward(const mixer_call *call, const real *x, real *y)
{
    const int64_t width = call->config->width, tokens = call->batch->tokens;
    delta_core m = sized(call->config);
    projections p = projections_of(call, NULL);
    delta_core_begin(&m, call, NULL);
    const linear *const in[INPUTS] = { &p.in[0], &p.in[1], &p.in[2], &p.in[3] };
    const strided_out to[INPUTS] = { rows_to(m.in, m.channels), rows_to(m.z, m.values),
        rows_to(m.beta, m.rule.heads), rows_to(m.decay.a, m.rule.heads) };
    linear_forward_together(call->compute, in, INPUTS, tokens, rows_from(x, width), to);
    delta_core_forward(call, &m);
    linear_forward(call->compute, &p.out, tokens, rows_from(m.out, m.values), rows_to(y, width));
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    const int64_t width = call->config->width, tokens = call->batch->tokens;
    delta_core m = sized(call->config);
    projections p = projections_of(call, g);
    assert(!call->batch->states);
    delta_core_begin(&m, call, g);
    linear_backward(call->compute, &p.out, tokens, rows_from(m.out, m.values), rows_from(dy, width),
        rows_to(m.dout, m.values));
    delta_core_backward(call, g, &m);
    const strided_in from[INPUTS] = { rows_from(m.din, m.channels), rows_from(m.dz, m.values),
        rows_from(m.dbeta, m.rule.heads), rows_from(m.decay.da, m.rule.heads) };
    for (int i = 0; i < INPUTS; i++)
        linear_backward(call->compute, &p.in[i], tokens, rows_from(x, width), from[i],
            i ? rows_added(dx, width) : rows_to(dx, width));
}

const mixer mixer_gated_delta = {
    .name = "gated-delta",
    .words = "a gated delta net",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = false,
};
