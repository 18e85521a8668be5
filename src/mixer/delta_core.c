/* delta_core.c - convolutions, the delta rule and the gated norm, with a sequence's state. */
#include "mixer/delta_core.h"

#include <string.h>

#include "mixer/sequence_state.h"
#include "op/parallel.h"

/* ---- memory ---- */

delta_core delta_core_sized(const mixer_config *c, int convs, int64_t each)
{
    int64_t keys = c->key_heads * c->head_dim, values = c->heads * c->value_dim;
    delta_core m = { .channels = 2 * keys + values,
        .values = values,
        .rule = { .heads = c->heads,
            .key_heads = c->key_heads,
            .key_dim = c->head_dim,
            .value_dim = c->value_dim,
            .tiled = c->tiled_heads,
            .by_row = each > 1 },
        .decay = { .heads = c->heads, .each = each, .bound = c->decay_bound },
        .convs = convs };
    for (int i = 0; i < convs; i++)
        m.conv[i] = (causal_conv){ .channels = convs == 1 ? m.channels
                                               : i == 2   ? values
                                                          : keys,
            .kernel = c->conv,
            .silu = true };
    return m;
}

void delta_core_lay_kept(delta_core *m, arena *a, const batch_limits *most)
{
    int64_t tokens = most->tokens, heads = m->rule.heads;
    m->in = ARENA_ARRAY(a, real, (tokens * m->channels));
    m->mixed = ARENA_ARRAY(a, real, (tokens * m->channels));
    m->beta = ARENA_ARRAY(a, real, (tokens * heads));
    m->inverse = ARENA_ARRAY(a, real, (tokens * heads));
    m->z = ARENA_ARRAY(a, real, (tokens * m->values));
    m->o = ARENA_ARRAY(a, real, (tokens * m->values));
    m->normed = ARENA_ARRAY(a, real, (tokens * m->values));
    m->out = ARENA_ARRAY(a, real, (tokens * m->values));
    decay_gate_lay_kept(&m->decay, a, most);
    delta_rule_lay_kept(&m->rule, a, most);
}

static int64_t all_past(const delta_core *m)
{
    int64_t sum = 0;
    for (int i = 0; i < m->convs; i++) sum += causal_conv_past(&m->conv[i]);
    return sum;
}

int64_t delta_core_state(const delta_core *m) { return all_past(m) + delta_rule_state(&m->rule); }

void delta_core_lay_workspace(delta_core *m, arena *a, const batch_limits *most, int workers)
{
    int64_t tokens = most->tokens;
    m->past = ARENA_ARRAY(a, real, (most->sequences * all_past(m)));
    m->before = ARENA_ARRAY(a, const real *, most->sequences);
    m->after = ARENA_ARRAY(a, real *, most->sequences);
    decay_gate_lay_workspace(&m->decay, a, most);
    delta_rule_lay_workspace(&m->rule, a, most, workers);
    if (!most->training) return;
    m->dout = ARENA_ARRAY(a, real, (tokens * m->values));
    m->dz = ARENA_ARRAY(a, real, (tokens * m->values));
    m->dbeta = ARENA_ARRAY(a, real, (tokens * m->rule.heads));
    m->dmixed = ARENA_ARRAY(a, real, (tokens * m->channels));
    m->ds = ARENA_ARRAY(a, real, (tokens * m->channels));
    m->din = ARENA_ARRAY(a, real, (tokens * m->channels));
}

static void begin_conv(
    delta_core *m, int i, const mixer_call *call, const mixer_gradients *g, mixer_part part)
{
    causal_conv *v = &m->conv[i];
    v->w = call->weights->part[part].data;
    if (!g) return;
    v->dw = g->part[part];
    v->accumulate = g->accumulate;
    v->leaves = g->leaves;
}

void delta_core_begin(delta_core *m, const mixer_call *call, const mixer_gradients *g)
{
    static const mixer_part each[] = { MIXER_CONV_Q, MIXER_CONV_K, MIXER_CONV_V };
    arena kept = { .base = call->kept, .size = call->kept_bytes },
          work = { .base = call->workspace, .size = call->workspace_bytes };
    delta_core_lay_kept(m, &kept, call->most);
    delta_core_lay_workspace(m, &work, call->most, call->compute->workers);
    m->rows = call->compute->variant->rows;
    m->norm = mixer_norm(call->weights, g, MIXER_STATE_NORM, m->rule.heads, call->config->norm_eps);
    for (int i = 0; i < m->convs; i++)
        begin_conv(m, i, call, g, m->convs == 1 ? MIXER_CONV : each[i]);
}

static int64_t first_channel(const delta_core *m, int conv)
{
    int64_t first = 0;
    for (int i = 0; i < conv; i++) first += m->conv[i].channels;
    return first;
}

static real *past_of(const mixer_call *call, const delta_core *m, int conv)
{
    return m->past + call->batch->sequences * (m->conv[conv].kernel - 1) * first_channel(m, conv);
}

/* ---- states: those of the convolutions, one after another, and those of the heads ---- */

static void take_states(const mixer_call *call, const delta_core *m)
{
    const token_batch *b = call->batch;
    for (int64_t s = 0; s < b->sequences; s++) {
        const real *from = b->states[s]->layer[call->layer].fixed;
        for (int i = 0; i < m->convs; i++) {
            int64_t size = causal_conv_past(&m->conv[i]);
            memcpy(past_of(call, m, i) + s * size, from, (size_t)size * sizeof *from);
            from += size;
        }
        m->before[s] = from;
        m->after[s] = b->states[s]->layer[call->layer].next + all_past(m);
    }
}

static void give_states(const mixer_call *call, const delta_core *m)
{
    const token_batch *b = call->batch;
    for (int64_t s = 0; s < b->sequences; s++) {
        real *to = b->states[s]->layer[call->layer].next;
        for (int i = 0; i < m->convs; i++) {
            int64_t size = causal_conv_past(&m->conv[i]);
            real *past = past_of(call, m, i) + s * size;
            causal_conv_keep(
                &m->conv[i], b, s, rows_from(m->in + first_channel(m, i), m->channels), past);
            memcpy(to, past, (size_t)size * sizeof *to);
            to += size;
        }
    }
}

/* ---- the parts ---- */

static void convolve(const mixer_call *call, const delta_core *m)
{
    bool stateful = call->batch->states != NULL;
    for (int i = 0; i < m->convs; i++) {
        int64_t first = first_channel(m, i);
        causal_conv_forward(call->compute, &m->conv[i], call->batch,
            stateful ? past_of(call, m, i) : NULL, rows_from(m->in + first, m->channels),
            rows_to(m->mixed + first, m->channels));
    }
}

static void convolve_backward(const mixer_call *call, delta_core *m)
{
    for (int i = 0; i < m->convs; i++) {
        int64_t first = first_channel(m, i);
        m->conv[i].ds = m->ds + call->batch->tokens * first;
        causal_conv_backward(call->compute, &m->conv[i], call->batch,
            rows_from(m->in + first, m->channels), rows_from(m->dmixed + first, m->channels),
            rows_to(m->din + first, m->channels));
    }
}

static delta_inputs inputs_of(const delta_core *m)
{
    int64_t keys = m->rule.key_heads * m->rule.key_dim, decays = m->decay.heads * m->decay.each;
    return (delta_inputs){ .q = rows_from(m->mixed, m->channels),
        .k = rows_from(m->mixed + keys, m->channels),
        .v = rows_from(m->mixed + 2 * keys, m->channels),
        .decay = rows_from(m->decay.decay, decays),
        .beta = rows_from(m->beta, m->rule.heads) };
}

static delta_gradients gradients_of(const delta_core *m)
{
    int64_t keys = m->rule.key_heads * m->rule.key_dim, decays = m->decay.heads * m->decay.each;
    return (delta_gradients){ .q = rows_to(m->dmixed, m->channels),
        .k = rows_to(m->dmixed + keys, m->channels),
        .v = rows_to(m->dmixed + 2 * keys, m->channels),
        .decay = rows_to(m->decay.dg, decays),
        .beta = rows_to(m->dbeta, m->rule.heads) };
}

static const row_activation *gated_by_silu(const delta_core *m)
{
    return row_activation_by_name(m->rows, "swiglu");
}

static void gate_outputs(void *arg, int64_t begin, int64_t end)
{
    const delta_core *m = arg;
    int64_t n = (end - begin) * m->values, at = begin * m->values;
    if (!m->sigmoid) {
        gated_by_silu(m)->forward(n, m->z + at, m->normed + at, 0, m->out + at);
        return;
    }
    m->rows->sigmoid(n, m->z + at, m->z + at);
    m->rows->multiply(n, m->z + at, m->normed + at, m->out + at);
}

/* dout becomes the gradient by normed. */
static void gate_outputs_backward(void *arg, int64_t begin, int64_t end)
{
    const delta_core *m = arg;
    int64_t n = (end - begin) * m->values, at = begin * m->values;
    const real *z = m->z + at, *normed = m->normed + at;
    real *dout = m->dout + at, *dz = m->dz + at;
    if (!m->sigmoid) {
        gated_by_silu(m)->backward(n, z, normed, 0, dout, dz, dout);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        dz[i] = dout[i] * normed[i] * z[i] * (1 - z[i]);
        dout[i] *= z[i];
    }
}

/* ---- all of them ---- */

void delta_core_forward(const mixer_call *call, delta_core *m)
{
    compute *c = call->compute;
    const token_batch *b = call->batch;
    bool stateful = b->states != NULL;
    delta_inputs in = inputs_of(m);
    if (stateful) take_states(call, m);
    convolve(call, m);
    m->rows->sigmoid(b->tokens * m->rule.heads, m->beta, m->beta);
    decay_gate_forward(call, &m->decay);
    delta_rule_forward(c, &m->rule, b, &in, stateful ? m->before : NULL, stateful ? m->after : NULL,
        rows_to(m->o, m->values));
    norm_forward(c, &m->norm, b->tokens, rows_from(m->o, m->values), rows_to(m->normed, m->values),
        m->inverse);
    parallel_over(c, b->tokens, 1, b->tokens * m->values, gate_outputs, m);
    if (stateful) give_states(call, m);
}

void delta_core_backward(const mixer_call *call, const mixer_gradients *g, delta_core *m)
{
    compute *c = call->compute;
    const token_batch *b = call->batch;
    delta_inputs in = inputs_of(m);
    delta_gradients out = gradients_of(m);
    parallel_over(c, b->tokens, 1, b->tokens * m->values, gate_outputs_backward, m);
    norm_backward(c, &m->norm, b->tokens, rows_from(m->o, m->values), m->inverse,
        rows_from(m->dout, m->values), rows_to(m->dout, m->values));
    delta_rule_backward(c, &m->rule, b, &in, rows_from(m->dout, m->values), &out);
    for (int64_t i = 0; i < b->tokens * m->rule.heads; i++)
        m->dbeta[i] *= m->beta[i] * (1 - m->beta[i]);
    decay_gate_backward(call, g, &m->decay);
    convolve_backward(call, m);
}
