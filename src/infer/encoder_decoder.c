/* encoder_decoder.c - runs two stacks, of which the second attends to the output of the first.
 *
 * It calls the transformers itself: the runner puts chunks of many sessions into one pass of one
 * stack, and here each request has two stacks of its own. */
#include "infer/encoder_decoder.h"

#include "infer/lead.h"
#include "infer/session.h"
#include "infer/stage.h"

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

cadre_status encoder_decoder_open_own(
    cadre_model *m, int64_t inputs, int64_t outputs, encoder_decoder *e)
{
    batch_limits in = limits_in(inputs), out = limits_out(inputs, outputs);
    *e = (encoder_decoder){ .model = m };
    cadre_status status = model_transformer_new(m->encoder, &in, &e->encoder);
    if (status == CADRE_OK) status = model_transformer_new(m, &out, &e->decoder);
    if (status != CADRE_OK) encoder_decoder_close(e);
    return status;
}

cadre_status encoder_decoder_open(
    cadre_model *m, int64_t inputs, int64_t outputs, encoder_decoder *e)
{
    *e = (encoder_decoder){ 0 };
    CADRE_TRY(session_check_leads(m));
    CADRE_TRY(encoder_decoder_open_own(m, inputs, outputs, e));
    e->number = lead_open(m, LEAD_STACKS, inputs, outputs, 0);
    return CADRE_OK;
}

void encoder_decoder_close(encoder_decoder *e)
{
    if (e->number) lead_close(e->model, e->number);
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
    lead_tokens(e->model, LEAD_READ, e->number, tokens, count);
    return stage_forward(e->model->encoder, e->encoder, &b, &(stage_watch){ watch, arg, false });
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
    e->outputs = count;
    lead_tokens(e->model, LEAD_RUN, e->number, tokens, count);
    return stage_forward(e->model, e->decoder, &b, &(stage_watch){ watch, arg, false });
}

void encoder_decoder_logits(encoder_decoder *e, int64_t first, int64_t rows, real *logits)
{
    lead_first_logits(e->model, e->number, first, rows);
    transformer_logits(e->decoder, &e->model->weights, first, rows, logits);
}

void encoder_decoder_losses(encoder_decoder *e, const int32_t *targets, real *losses)
{
    lead_tokens(e->model, LEAD_LOSSES, e->number, targets, e->outputs);
    transformer_losses(e->decoder, &e->model->weights, targets, losses);
}
