/* attention_cross.c - a decoder's look at what an encoder made of the input: queries from the
 * decoder, keys and values from the encoder's output, every query sees all of it. Forward only. */
#include "model/attention_layer.h"

void attention_cross_layout(
    attention_env *e, arena *a, const model_config *c, int64_t encoder_tokens)
{
    int64_t row = c->heads * c->head_dim;
    e->cross_q = ARENA_ARRAY(a, real, e->tokens * row);
    e->cross_out = ARENA_ARRAY(a, real, e->tokens * row);
    e->cross_k = ARENA_ARRAY(a, real, encoder_tokens * row);
    e->cross_v = ARENA_ARRAY(a, real, encoder_tokens * row);
}

static void fill_sequences(const attention_env *e, const token_batch *b)
{
    const model_config *c = e->config;
    int64_t row = c->heads * c->head_dim;
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t from = b->start[i], first = b->encoder_start[i],
                keys = b->encoder_start[i + 1] - first;
        e->keys[i] = e->cross_k + first * row;
        e->values[i] = e->cross_v + first * row;
        e->sequences[i] = (attention_sequence){
            .queries = b->start[i + 1] - from,
            .keys = keys,
            .q = e->cross_q + from * row,
            .q_stride = row,
            .kv = { &e->keys[i], &e->values[i], keys, row, c->head_dim, row, c->head_dim },
            .out = e->cross_out + from * row,
            .out_stride = row,
        };
    }
}

void attention_cross_forward(
    const attention_env *e, const layer_weights *w, const token_batch *b, const real *x, real *y)
{
    const model_config *c = e->config;
    int64_t row = c->heads * c->head_dim, inputs = b->encoder_start[b->sequences];
    linear q = linear_of(w, NULL, ROLE_CROSS_Q), k = linear_of(w, NULL, ROLE_CROSS_K),
           v = linear_of(w, NULL, ROLE_CROSS_V);
    linear o = linear_of(w, NULL, ROLE_CROSS_O);
    const linear *both[2] = { &k, &v };
    attention shape = e->shape;
    shape.bidirectional = true;
    shape.bias = NULL;
    linear_forward(e->compute, &q, b->tokens, rows_from(x, c->width), rows_to(e->cross_q, row));
    linear_forward_together(e->compute, both, 2, inputs, rows_from(b->encoder_output, c->width),
        (strided_out[]){ rows_to(e->cross_k, row), rows_to(e->cross_v, row) });
    fill_sequences(e, b);
    attention_forward(e->compute, &shape, e->sequences, b->sequences, &e->scratch);
    linear_forward(e->compute, &o, b->tokens, rows_from(e->cross_out, row), rows_to(y, c->width));
}
