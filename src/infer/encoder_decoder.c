/* encoder_decoder.c - two stacks, the second of which attends to the first one's output. */
#include "infer/encoder_decoder.h"

static transformer_extent extent_in(int64_t inputs)
{
    return (transformer_extent){ .tokens = inputs, .sequences = 1, .keys = inputs };
}

static transformer_extent extent_out(int64_t inputs, int64_t outputs)
{
    return (transformer_extent){ .tokens = outputs, .sequences = 1, .keys = outputs, .memory = inputs };
}

size_t encoder_decoder_bytes(const cadre_model *m, int64_t inputs, int64_t outputs)
{
    const compute *c = m->context->compute;
    size_t in = transformer_bytes(c, &m->encoder->config, m->encoder->moe, extent_in(inputs));
    size_t out = transformer_bytes(c, &m->config, m->moe, extent_out(inputs, outputs));
    return in > SIZE_MAX - out ? SIZE_MAX : in + out;
}

cadre_status encoder_decoder_open(cadre_model *m, int64_t inputs, int64_t outputs, encoder_decoder *e)
{
    transformer_extent in = extent_in(inputs), out = extent_out(inputs, outputs);
    compute *c = m->context->compute;
    *e = (encoder_decoder){ .model = m };
    cadre_status status = transformer_new(c, &m->encoder->config, m->encoder->moe, in, &e->encoder);
    if (status == CADRE_OK) status = transformer_new(c, &m->config, m->moe, out, &e->decoder);
    if (status != CADRE_OK) encoder_decoder_close(e);
    return status;
}

void encoder_decoder_close(encoder_decoder *e)
{
    transformer_free(e->encoder);
    transformer_free(e->decoder);
    *e = (encoder_decoder){ 0 };
}

void encoder_decoder_read(encoder_decoder *e, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg)
{
    transformer_batch b = { .inputs = tokens, .tokens = count, .sequences = 1, .start = (int64_t[]){ 0, count } };
    transformer_forward(e->encoder, &e->model->encoder->weights, &b, watch, arg);
    e->inputs = count;
}

void encoder_decoder_run(encoder_decoder *e, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg)
{
    transformer_batch b = { .inputs = tokens, .tokens = count, .sequences = 1, .start = (int64_t[]){ 0, count },
                            .memory = transformer_hidden(e->encoder), .memory_start = (int64_t[]){ 0, e->inputs } };
    transformer_forward(e->decoder, &e->model->weights, &b, watch, arg);
}

void encoder_decoder_logits(encoder_decoder *e, int64_t first, int64_t rows, real *logits)
{
    transformer_logits(e->decoder, &e->model->weights, first, rows, logits);
}
