/* cross.c - a decoder's attention to an encoder's output: queries come from the decoder, keys and
 * values from the encoder's output, and every query sees all of it. Nothing is kept between calls,
 * because each call brings the encoder's output.
 *
 * Backward adds to the gradient by the encoder's output, which all layers of the decoder share. */
#include "mixer/attending.h"
#include "mixer/mixer_ops.h"

static int64_t row_of(const mixer_config *c) { return c->heads * c->head_dim; }

static attending attending_of(const mixer_config *c, const column_gather *tensor)
{
    attending m = { .shape = attending_shape(c) };
    m.shape.bidirectional = true;
    attending_gathers(&m, c, tensor);
    return m;
}

static void lay_kept(attending *m, arena *a, const mixer_config *c, const batch_limits *most)
{
    int64_t row = row_of(c), keys = most->encoder_tokens;
    m->q = ARENA_ARRAY(a, real, most->tokens * row);
    m->out = ARENA_ARRAY(a, real, most->tokens * (m->out_whole ? m->out_whole : row));
    m->k = ARENA_ARRAY(a, real, keys * row);
    m->values = ARENA_ARRAY(a, real, keys * row);
    if (most->training) m->log_sum = ARENA_ARRAY(a, real, most->tokens * c->heads);
}

static void lay_workspace(
    attending *m, arena *a, const mixer_config *c, const batch_limits *most, int workers)
{
    int64_t row = row_of(c), keys = most->encoder_tokens, tokens = most->tokens;
    m->scratch = attention_scratch_take(a, &m->shape, workers, keys, most->training ? tokens : 0);
    m->sequences = ARENA_ARRAY(a, attention_sequence, most->sequences);
    m->key_block = ARENA_ARRAY(a, const void *, most->sequences);
    m->value_block = ARENA_ARRAY(a, const void *, most->sequences);
    if (!most->training) return;
    m->gradients = ARENA_ARRAY(a, attention_gradient, most->sequences);
    m->dq = ARENA_ARRAY(a, real, tokens * row);
    m->dk = ARENA_ARRAY(a, real, keys * row);
    m->dvalues = ARENA_ARRAY(a, real, keys * row);
    m->dout = ARENA_ARRAY(a, real, tokens * row);
}

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    attending m = attending_of(c, NULL);
    arena measured = { 0 };
    lay_kept(&m, &measured, c, most);
    return measured.used;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    attending m = attending_of(c, NULL);
    arena measured = { 0 };
    lay_workspace(&m, &measured, c, most, workers);
    return measured.used;
}

static attending begin(const mixer_call *call)
{
    attending m = attending_of(call->config, call->tensor);
    arena kept = { .base = call->kept, .size = call->kept_bytes },
          work = { .base = call->workspace, .size = call->workspace_bytes };
    lay_kept(&m, &kept, call->config, call->most);
    lay_workspace(&m, &work, call->config, call->most, call->compute->workers);
    return m;
}

static void fill_sequences(const attending *m, const mixer_call *call)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    int64_t row = row_of(c), out_row = m->out_whole ? m->out_whole : row;
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t from = b->start[i], first = b->encoder_start[i],
                keys = b->encoder_start[i + 1] - first;
        m->key_block[i] = m->k + first * row;
        m->value_block[i] = m->values + first * row;
        m->sequences[i] = (attention_sequence){
            .queries = b->start[i + 1] - from,
            .keys = keys,
            .q = m->q + from * row,
            .q_stride = row,
            .kv = { .keys = &m->key_block[i],
                .values = &m->value_block[i],
                .block = keys,
                .key_stride = row,
                .key_head = c->head_dim,
                .value_stride = row,
                .value_head = c->head_dim },
            .out = m->out + from * out_row + m->out_first,
            .out_stride = out_row,
            .log_sum = m->log_sum ? m->log_sum + from * c->heads : NULL,
        };
    }
}

static void forward(const mixer_call *call, const real *x, real *y)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    int64_t row = row_of(c), inputs = b->encoder_start[b->sequences];
    linear q = mixer_linear(call->weights, NULL, MIXER_Q, MIXER_NOTHING),
           k = mixer_linear(call->weights, NULL, MIXER_K, MIXER_NOTHING),
           v = mixer_linear(call->weights, NULL, MIXER_V, MIXER_NOTHING);
    const linear *both[2] = { &k, &v };
    attending m = begin(call);
    linear_forward(call->compute, &q, b->tokens, rows_from(x, c->width), rows_to(m.q, row));
    linear_forward_together(call->compute, both, 2, inputs, rows_from(b->encoder_output, c->width),
        (strided_out[]){ rows_to(m.k, row), rows_to(m.values, row) });
    fill_sequences(&m, call);
    attention_forward(call->compute, &m.shape, m.sequences, b->sequences, &m.scratch);
    attending_project(call, m.out, y);
}

/* q = x Wq^T; with the encoder's output e: k = e Wk^T, v = e Wv^T */
static void project_backward(
    const mixer_call *call, const mixer_gradients *g, const attending *m, const real *x, real *dx)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    int64_t row = row_of(c), inputs = b->encoder_start[b->sequences];
    linear q = mixer_linear(call->weights, g, MIXER_Q, MIXER_NOTHING),
           k = mixer_linear(call->weights, g, MIXER_K, MIXER_NOTHING),
           v = mixer_linear(call->weights, g, MIXER_V, MIXER_NOTHING);
    strided_in e = rows_from(b->encoder_output, c->width);
    strided_out de = rows_added(call->dencoder, c->width);
    linear_backward(call->compute, &q, b->tokens, rows_from(x, c->width), rows_from(m->dq, row),
        rows_to(dx, c->width));
    linear_backward(call->compute, &k, inputs, e, rows_from(m->dk, row), de);
    linear_backward(call->compute, &v, inputs, e, rows_from(m->dvalues, row), de);
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    const token_batch *b = call->batch;
    int64_t row = row_of(call->config);
    attending m = begin(call);
    attending_project_backward(call, g, m.out, dy, m.dout);
    fill_sequences(&m, call);
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t from = b->start[i] * row, first = b->encoder_start[i] * row;
        m.gradients[i] =
            (attention_gradient){ m.dout + from, m.dq + from, m.dk + first, m.dvalues + first };
    }
    attention_backward(call->compute, &m.shape, m.sequences, m.gradients, b->sequences, &m.scratch);
    project_backward(call, g, &m, x, dx);
}

static mixer_state_size state(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ 0 };
}

const mixer mixer_cross = {
    .name = "cross",
    .words = "attention of a decoder to its encoder's output",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = true,
};
