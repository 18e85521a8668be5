/* cross.c - a decoder's look at what an encoder made of the input: queries from the decoder, keys
 * and values from the encoder's output, every query sees all of it. Forward only; nothing is kept
 * between calls, for the encoder's output is there in each. */
#include "mixer/attending.h"
#include "mixer/mixer_ops.h"

static int64_t row_of(const mixer_config *c) { return c->heads * c->head_dim; }

static void lay(
    attending *m, arena *a, const mixer_config *c, const batch_limits *most, int workers)
{
    int64_t row = row_of(c), keys = most->encoder_tokens;
    *m = (attending){ .shape = attending_shape(c) };
    m->shape.bidirectional = true;
    m->q = ARENA_ARRAY(a, real, most->tokens * row);
    m->out = ARENA_ARRAY(a, real, most->tokens * row);
    m->k = ARENA_ARRAY(a, real, keys * row);
    m->values = ARENA_ARRAY(a, real, keys * row);
    attending_lay_workspace(m, a, most, workers, keys);
}

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    (void)c, (void)most;
    return 0;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    attending m;
    arena measured = { 0 };
    lay(&m, &measured, c, most, workers);
    return measured.used;
}

static void fill_sequences(const attending *m, const mixer_call *call)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    int64_t row = row_of(c);
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
            .kv = { &m->key_block[i], &m->value_block[i], keys, row, c->head_dim, row,
                c->head_dim },
            .out = m->out + from * row,
            .out_stride = row,
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
    arena work = { .base = call->workspace, .size = call->workspace_bytes };
    attending m;
    lay(&m, &work, c, call->most, call->compute->workers);
    linear_forward(call->compute, &q, b->tokens, rows_from(x, c->width), rows_to(m.q, row));
    linear_forward_together(call->compute, both, 2, inputs, rows_from(b->encoder_output, c->width),
        (strided_out[]){ rows_to(m.k, row), rows_to(m.values, row) });
    fill_sequences(&m, call);
    attention_forward(call->compute, &m.shape, m.sequences, b->sequences, &m.scratch);
    attending_project(call, m.out, y);
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
    .state = state,
    .rewinds = true,
};
