/* encoder_decoder.c - runs two stacks, of which the second attends to the output of the first.
 *
 * It calls the transformers itself: the runner puts parts of many sessions into one pass of one
 * stack, and here each request has two stacks of its own. */
#include "infer/encoder_decoder.h"

static batch_limits limits_in(int64_t inputs)
{
    return (batch_limits){ .tokens = inputs, .sequences = 1, .keys = inputs };
}

static batch_limits limits_out(int64_t inputs, int64_t outputs)
{
    return (batch_limits){
        .tokens = outputs, .sequences = 1, .keys = outputs, .encoder_tokens = inputs
    };
}

size_t encoder_decoder_bytes(const cadre_model *m, int64_t inputs, int64_t outputs)
{
    const compute *c = m->context->compute;
    batch_limits most_in = limits_in(inputs), most_out = limits_out(inputs, outputs);
    size_t in = transformer_bytes(c, &m->encoder->config, &most_in);
    size_t out = transformer_bytes(c, &m->config, &most_out);
    return in > SIZE_MAX - out ? SIZE_MAX : in + out;
}

cadre_status encoder_decoder_open(
    cadre_model *m, int64_t inputs, int64_t outputs, encoder_decoder *e)
{
    batch_limits in = limits_in(inputs), out = limits_out(inputs, outputs);
    compute *c = m->context->compute;
    *e = (encoder_decoder){ .model = m };
    cadre_status status = transformer_new(c, &m->encoder->config, &in, &e->encoder);
    if (status == CADRE_OK) status = transformer_new(c, &m->config, &out, &e->decoder);
    if (status != CADRE_OK) encoder_decoder_close(e);
    return status;
}

void encoder_decoder_close(encoder_decoder *e)
{
    transformer_free(e->encoder);
    transformer_free(e->decoder);
    *e = (encoder_decoder){ 0 };
}

cadre_status encoder_decoder_read(
    encoder_decoder *e, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg)
{
    token_batch b = {
        .inputs = tokens, .tokens = count, .sequences = 1, .start = (int64_t[]){ 0, count }
    };
    e->inputs = count;
    return transformer_forward(e->encoder, &e->model->encoder->weights, &b, NULL, watch, arg);
}

cadre_status encoder_decoder_run(
    encoder_decoder *e, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg)
{
    token_batch b = { .inputs = tokens,
        .tokens = count,
        .sequences = 1,
        .start = (int64_t[]){ 0, count },
        .encoder_output = transformer_hidden(e->encoder),
        .encoder_start = (int64_t[]){ 0, e->inputs } };
    return transformer_forward(e->decoder, &e->model->weights, &b, NULL, watch, arg);
}

void encoder_decoder_logits(encoder_decoder *e, int64_t first, int64_t rows, real *logits)
{
    transformer_logits(e->decoder, &e->model->weights, first, rows, logits);
}

void encoder_decoder_losses(encoder_decoder *e, const int32_t *targets, real *losses)
{
    transformer_losses(e->decoder, &e->model->weights, targets, losses);
}
