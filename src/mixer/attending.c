/* attending.c - attention over the sequences of a batch.
 *
 * The tokens of all sequences lie one after another, and a token attends to its own sequence alone.
 * For example, a batch of two sequences with 3 and 2 tokens has start = { 0, 3, 5 }:
 *
 *     rows of q, k, values, out     0   1   2   |   3   4
 *     sequence                      0   0   0   |   1   1
 *
 * Without states (training), the keys and values of a sequence are its rows of this batch. With
 * states (generation), these rows are first appended to the sequence's own blocks of STATE_BLOCK
 * tokens, and its queries read all blocks:
 *
 *     sequence 1, which held 70 tokens:   block 0: 0 .. 63  |  block 1: 64 .. 69, then 70 and 71
 *     its queries, rows 3 and 4:          positions 70 and 71
 *
 * The passes of forward are: fill_sequences says where each sequence's rows lie; attention_forward
 * (op/attention.c) computes out; attending_project multiplies out by Wo. Backward goes the other
 * way: dy to dout, then dout to dq, dk and dvalues. */
#include "mixer/attending.h"

#include "mixer/mixer_ops.h"
#include "mixer/sequence_state.h"

/* Elements of a token's row in what attention reads and writes */
static int64_t query_row(const attending *a) { return a->shape.heads * a->shape.key_width; }
static int64_t key_row(const attending *a) { return a->shape.kv_heads * a->shape.key_width; }
static int64_t out_row(const attending *a)
{
    return a->out_whole ? a->out_whole : a->shape.heads * a->shape.value_width;
}
static const real *values_of(const attending *a)
{
    return a->values ? a->values + a->value_first : a->k;
}

attention attending_shape(const mixer_config *c)
{
    return (attention){ .heads = c->heads,
        .kv_heads = c->kv_heads,
        .key_width = c->head_dim,
        .value_width = c->value_dim,
        .scale = (real)c->scale,
        .softcap = (real)c->softcap,
        .window = c->window,
        .bidirectional = c->bidirectional };
}

void attending_gathers(attending *a, const mixer_config *c, const column_gather *tensor)
{
    if (!c->whole_kv_heads) return;
    a->out_whole = mixer_all_heads(c) * c->value_dim;
    a->out_first = gather_first(tensor, a->out_whole, c->whole_kv_heads);
}

void attending_begin(attending *a, const mixer_call *call, const mixer_gradients *g)
{
    a->shape.bias = call->positions.bias;
    a->shape.dbias = g ? call->positions.dbias : NULL;
    a->shape.bias_span = call->positions.span;
    a->shape.bias_zero = call->positions.zero;
    a->shape.sinks = call->weights->part[MIXER_SINKS].data;
    a->shape.dsinks = g ? g->part[MIXER_SINKS] : NULL;
    a->shape.accumulate = g && g->accumulate;
    a->shape.leaves = g ? g->leaves : NULL;
}

/* ---- memory ---- */

void attending_lay_kept(attending *a, arena *from, const batch_limits *most, bool values)
{
    int64_t tokens = most->tokens;
    a->q = ARENA_ARRAY(from, real, tokens * query_row(a));
    a->k = ARENA_ARRAY(from, real, tokens * key_row(a));
    if (values) a->values = ARENA_ARRAY(from, real, tokens * a->value_row);
    a->out = ARENA_ARRAY(from, real, tokens * out_row(a));
    if (most->training) a->log_sum = ARENA_ARRAY(from, real, tokens * a->shape.heads);
}

void attending_lay_workspace(
    attending *a, arena *from, const batch_limits *most, int workers, int64_t keys)
{
    int64_t tokens = most->tokens;
    a->scratch =
        attention_scratch_take(from, &a->shape, workers, keys, most->training ? tokens : 0);
    a->sequences = ARENA_ARRAY(from, attention_sequence, most->sequences);
    a->key_block = ARENA_ARRAY(from, const void *, most->sequences);
    a->value_block = ARENA_ARRAY(from, const void *, most->sequences);
    if (!most->training) return;
    a->gradients = ARENA_ARRAY(from, attention_gradient, most->sequences);
    a->dq = ARENA_ARRAY(from, real, tokens * query_row(a));
    a->dk = ARENA_ARRAY(from, real, tokens * key_row(a));
    a->dvalues = ARENA_ARRAY(from, real, tokens * a->value_row);
    a->dout = ARENA_ARRAY(from, real, tokens * out_row(a));
}

/* ---- attention over the sequences of a batch ---- */

static kv_view own_keys(const attending *a, const token_batch *b, int64_t i)
{
    a->key_block[i] = a->k + b->start[i] * key_row(a);
    a->value_block[i] = values_of(a) + b->start[i] * a->value_row;
    return (kv_view){ .keys = &a->key_block[i],
        .values = &a->value_block[i],
        .block = b->start[i + 1] - b->start[i],
        .key_stride = key_row(a),
        .key_head = a->shape.key_width,
        .value_stride = a->value_row,
        .value_head = a->value_head };
}

static kv_view kept_keys(const attending *a, const token_batch *b, int64_t i, int64_t layer)
{
    int64_t from = b->start[i], count = b->start[i + 1] - from;
    sequence_state_put(
        b->states[i], layer, count, a->k + from * key_row(a), values_of(a) + from * a->value_row);
    return sequence_state_view(b->states[i], layer);
}

static void fill_sequences(const attending *a, const token_batch *b, int64_t layer)
{
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t from = b->start[i];
        a->sequences[i] = (attention_sequence){
            .queries = b->start[i + 1] - from,
            .keys = b->start[i + 1] - from,
            .first = b->states ? b->states[i]->length : 0,
            .q = a->q + from * query_row(a),
            .q_stride = query_row(a),
            .kv = b->states ? kept_keys(a, b, i, layer) : own_keys(a, b, i),
            .out = a->out + from * out_row(a) + a->out_first,
            .out_stride = out_row(a),
            .log_sum = a->log_sum ? a->log_sum + from * a->shape.heads : NULL,
        };
    }
}

void attending_forward(const attending *a, const mixer_call *call)
{
    fill_sequences(a, call->batch, call->layer);
    attention_forward(call->compute, &a->shape, a->sequences, call->batch->sequences, &a->scratch);
}

/* out = attention(q, k, values) */
void attending_backward(const attending *a, const mixer_call *call)
{
    const token_batch *b = call->batch;
    fill_sequences(a, b, call->layer);
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t from = b->start[i];
        a->gradients[i] = (attention_gradient){ a->dout + from * out_row(a) + a->out_first,
            a->dq + from * query_row(a), a->dk + from * key_row(a),
            a->dvalues + from * a->value_row + a->value_first };
    }
    attention_backward(
        call->compute, &a->shape, a->sequences, a->gradients, b->sequences, &a->scratch);
}

/* ---- the projection of the result ---- */

static int64_t head_row(const mixer_config *c) { return mixer_all_heads(c) * c->value_dim; }

void attending_project(const mixer_call *call, real *heads, real *y)
{
    const mixer_config *c = call->config;
    const column_gather *g = call->tensor;
    int64_t tokens = call->batch->tokens, first = gather_first(g, c->width, c->width);
    linear o = mixer_linear(call->weights, NULL, MIXER_O, MIXER_O_BIAS);
    gather_columns(g, tokens, head_row(c), mixer_all_kv_heads(c), heads);
    linear_forward(
        call->compute, &o, tokens, rows_from(heads, head_row(c)), rows_to(y + first, c->width));
    gather_columns(g, tokens, c->width, c->width, y);
}

/* y = heads Wo^T + bo */
void attending_project_backward(const mixer_call *call, const mixer_gradients *g, const real *heads,
    const real *dy, real *dheads)
{
    const mixer_config *c = call->config;
    linear o = mixer_linear(call->weights, g, MIXER_O, MIXER_O_BIAS);
    linear_backward(call->compute, &o, call->batch->tokens, rows_from(heads, head_row(c)),
        rows_from(dy, c->width), rows_to(dheads, head_row(c)));
}
