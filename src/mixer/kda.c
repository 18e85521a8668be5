/* kda.c - Kimi delta attention (Kimi Team 2025): a delta rule in which each row of a head's state
 * has its own decay. As many heads have keys as have values.
 *
 *     q, k, v = x W^T each,  beta = sigmoid(x W_beta^T)
 *     decay   = of x W_decay^T, a number for each head and row        decay_gate.h
 *     z       = x W_gate^T, of which the gate is the sigmoid
 *     y       = the rest (delta_core.h) W_out^T
 *
 * W_decay and W_gate may each be a product of two, by way of a small width (_LOW). */
#include <assert.h>

#include "mixer/delta_core.h"

typedef struct kda {
    delta_core core;
    int64_t width, low;         /* low: at least the small widths */
    real *low_decay, *low_gate; /* kept: x in the small width [T, low] */
    real *dlow;                 /* workspace, in training [T, low] */
} kda;

static kda sized(const mixer_config *c)
{
    kda m = {
        .core = delta_core_sized(c, DELTA_CONVS, c->head_dim), .width = c->width, .low = c->low_rank
    };
    m.core.sigmoid = true;
    return m;
}

/* What this mixer has beside its core lies after it. */
static void lay_kept(kda *m, arena *a, const batch_limits *most)
{
    delta_core_lay_kept(&m->core, a, most);
    m->low_decay = ARENA_ARRAY(a, real, (most->tokens * m->low));
    m->low_gate = ARENA_ARRAY(a, real, (most->tokens * m->low));
}

static void lay_workspace(kda *m, arena *a, const batch_limits *most, int workers)
{
    delta_core_lay_workspace(&m->core, a, most, workers);
    if (most->training) m->dlow = ARENA_ARRAY(a, real, (most->tokens * m->low));
}

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    kda m = sized(c);
    arena measured = { 0 };
    lay_kept(&m, &measured, most);
    return measured.used;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    kda m = sized(c);
    arena measured = { 0 };
    lay_workspace(&m, &measured, most, workers);
    return measured.used;
}

static mixer_state_size state(const mixer_config *c)
{
    kda m = sized(c);
    return (mixer_state_size){ .fixed = delta_core_state(&m.core) };
}

static kda begin(const mixer_call *call, const mixer_gradients *g)
{
    kda m = sized(call->config);
    arena kept = { .base = call->kept, .size = call->kept_bytes },
          work = { .base = call->workspace, .size = call->workspace_bytes };
    lay_kept(&m, &kept, call->most);
    lay_workspace(&m, &work, call->most, call->compute->workers);
    delta_core_begin(&m.core, call, g);
    return m;
}

/* ---- projections ---- */

/* Five of the token itself: q, k, v, beta, and ... */
enum { DIRECT = 4 };
static const mixer_part direct[DIRECT] = { MIXER_Q, MIXER_K, MIXER_V, MIXER_DELTA_BETA };

static strided_out to_direct(const kda *m, int i)
{
    const delta_core *core = &m->core;
    int64_t keys = core->rule.key_heads * core->rule.key_dim;
    return i < DIRECT - 1 ? rows_to(core->in + i * keys, core->channels)
                          : rows_to(core->beta, core->rule.heads);
}

static strided_in from_direct(const kda *m, int i)
{
    const delta_core *core = &m->core;
    int64_t keys = core->rule.key_heads * core->rule.key_dim;
    return i < DIRECT - 1 ? rows_from(core->din + i * keys, core->channels)
                          : rows_from(core->dbeta, core->rule.heads);
}

/* ... two that may go by way of a small width. */
typedef struct twofold {
    mixer_part part, low;
    real *small;   /* [T, low] */
    real *out, *d; /* what it gives, and the gradient by that */
    int64_t columns;
} twofold;

static twofold decay_of(const kda *m)
{
    const delta_core *core = &m->core;
    return (twofold){ MIXER_DELTA_DECAY, MIXER_DELTA_DECAY_LOW, m->low_decay, core->decay.a,
        core->decay.da, core->decay.heads * core->decay.each };
}

static twofold gate_of(const kda *m)
{
    const delta_core *core = &m->core;
    return (twofold){ MIXER_DELTA_GATE, MIXER_DELTA_GATE_LOW, m->low_gate, core->z, core->dz,
        core->values };
}

static void project(const mixer_call *call, const twofold *t, const real *x)
{
    linear last = mixer_linear(call->weights, NULL, t->part, MIXER_NOTHING),
           first = mixer_linear(call->weights, NULL, t->low, MIXER_NOTHING);
    int64_t width = call->config->width, tokens = call->batch->tokens, small = first.w.rows;
    bool two = first.w.data != NULL;
    if (two)
        linear_forward(
            call->compute, &first, tokens, rows_from(x, width), rows_to(t->small, small));
    linear_forward(call->compute, &last, tokens,
        two ? rows_from(t->small, small) : rows_from(x, width), rows_to(t->out, t->columns));
}

/* Adds to dx. */
static void project_backward(const mixer_call *call, const mixer_gradients *g, const twofold *t,
    const real *x, real *dlow, real *dx)
{
    linear last = mixer_linear(call->weights, g, t->part, MIXER_NOTHING),
           first = mixer_linear(call->weights, g, t->low, MIXER_NOTHING);
    int64_t width = call->config->width, tokens = call->batch->tokens, small = first.w.rows;
    strided_in d = rows_from(t->d, t->columns);
    if (!first.w.data) {
        linear_backward(
            call->compute, &last, tokens, rows_from(x, width), d, rows_added(dx, width));
        return;
    }
    linear_backward(
        call->compute, &last, tokens, rows_from(t->small, small), d, rows_to(dlow, small));
    linear_backward(call->compute, &first, tokens, rows_from(x, width), rows_from(dlow, small),
        rows_added(dx, width));
}

/* ---- the mixer ---- */

static void forward(const mixer_call *call, const real *x, real *y)
{
    const int64_t width = call->config->width, tokens = call->batch->tokens;
    kda m = begin(call, NULL);
    linear out = mixer_linear(call->weights, NULL, MIXER_STATE_OUT, MIXER_NOTHING), each[DIRECT];
    const linear *in[DIRECT];
    strided_out to[DIRECT];
    twofold decay = decay_of(&m), gate = gate_of(&m);
    for (int i = 0; i < DIRECT; i++) {
        each[i] = mixer_linear(call->weights, NULL, direct[i], MIXER_NOTHING);
        in[i] = &each[i];
        to[i] = to_direct(&m, i);
    }
    linear_forward_together(call->compute, in, DIRECT, tokens, rows_from(x, width), to);
    project(call, &decay, x);
    project(call, &gate, x);
    delta_core_forward(call, &m.core);
    linear_forward(
        call->compute, &out, tokens, rows_from(m.core.out, m.core.values), rows_to(y, width));
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    const int64_t width = call->config->width, tokens = call->batch->tokens;
    kda m = begin(call, g);
    linear out = mixer_linear(call->weights, g, MIXER_STATE_OUT, MIXER_NOTHING);
    twofold decay = decay_of(&m), gate = gate_of(&m);
    assert(!call->batch->states);
    linear_backward(call->compute, &out, tokens, rows_from(m.core.out, m.core.values),
        rows_from(dy, width), rows_to(m.core.dout, m.core.values));
    delta_core_backward(call, g, &m.core);
    for (int i = 0; i < DIRECT; i++) {
        linear each = mixer_linear(call->weights, g, direct[i], MIXER_NOTHING);
        linear_backward(call->compute, &each, tokens, rows_from(x, width), from_direct(&m, i),
            i ? rows_added(dx, width) : rows_to(dx, width));
    }
    project_backward(call, g, &decay, x, m.dlow, dx);
    project_backward(call, g, &gate, x, m.dlow, dx);
}

const mixer mixer_kda = {
    .name = "kda",
    .words = "Kimi delta attention",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = false,
};
