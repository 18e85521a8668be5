/* logits.c - writes the logits and the routing of every position to a file. */
#include <stdio.h>

#include "cadre/session.h"
#include "base/destination.h"
#include "base/memory.h"
#include "infer/encoder_decoder.h"
#include "infer/finite.h"
#include "infer/routes.h"
#include "infer/runner.h"
#include "kernel/context.h"

static cadre_status put_reals(safetensors_writer *w, const real *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        float value = (float)values[i];
        CADRE_TRY(safetensors_writer_put(w, &value, sizeof value));
    }
    return CADRE_OK;
}

static cadre_status declare(safetensors_writer *w, const route_log *r, int64_t vocab)
{
    const int64_t all[] = { r->layers, r->room, r->picks };
    CADRE_TRY(safetensors_writer_declare(w, "tokens", "I32", 1, &r->room));
    CADRE_TRY(
        safetensors_writer_declare(w, "logits", "F32", 2, (const int64_t[]){ r->room, vocab }));
    if (!r->layers) return CADRE_OK;
    CADRE_TRY(safetensors_writer_declare(w, "routes", "I32", 3, all));
    return safetensors_writer_declare(w, "weights", "F32", 3, all);
}

typedef struct sequence_call {
    cadre_model *model;
    session session;
    runner runner;
    route_log routes;
    const int32_t *tokens;
} sequence_call;

static cadre_status stream_sequence(void *arg, safetensors_writer *w, real *row)
{
    sequence_call *call = arg;
    route_log *r = &call->routes;
    const int32_t *tokens = call->tokens;
    int64_t vocab = call->model->config.vocab, cells = r->layers * r->room * r->picks;
    CADRE_TRY(declare(w, r, vocab));
    CADRE_TRY(safetensors_writer_put(w, tokens, (size_t)r->room * sizeof *tokens));
    while (r->offset < r->room) {
        int64_t count = runner_pass_tokens(r->room - r->offset);
        runner_chunk chunk = { &call->session, tokens + r->offset, count };
        CADRE_TRY(runner_feed(&call->runner, &chunk, 1));
        for (int64_t i = 0; i < count; i++) {
            runner_logits(&call->runner, &i, 1, row);
            CADRE_TRY(runner_status(&call->runner));
            CADRE_TRY(logits_check(call->model, row, r->offset + i));
            CADRE_TRY(put_reals(w, row, vocab));
        }
        r->offset += count;
    }
    if (!r->layers) return CADRE_OK;
    CADRE_TRY(safetensors_writer_put(w, r->experts, (size_t)cells * sizeof *r->experts));
    return safetensors_writer_put(w, r->weights, (size_t)cells * sizeof *r->weights);
}

typedef cadre_status (*stream_function)(void *call, safetensors_writer *w, real *row);

/* Writes the complete file, or none. */
static cadre_status write_file(const char *out, int64_t vocab, stream_function write, void *call)
{
    real *row = MEM_ARRAY(real, vocab);
    safetensors_writer *w = NULL;
    cadre_status status = row ? safetensors_writer_open(out, false, &w) : CADRE_ENOMEM;
    if (status == CADRE_OK) {
        status = write(call, w, row);
        if (status == CADRE_OK) status = safetensors_writer_commit(w);
        else safetensors_writer_discard(w);
    }
    mem_free(row);
    return status;
}

static cadre_status logits_of_decoder(
    cadre_model *model, const int32_t *tokens, int64_t count, const char *out)
{
    sequence_call call = { .model = model, .tokens = tokens };
    CADRE_TRY(session_open(model, count, &call.session));
    cadre_status status = runner_open(model, runner_pass_tokens(count), 1, count, &call.runner);
    if (status == CADRE_OK) status = route_log_open(&call.routes, &model->config, count);
    if (status == CADRE_OK) {
        call.runner.watch = route_log_watch;
        call.runner.watch_arg = &call.routes;
        status = write_file(out, model->config.vocab, stream_sequence, &call);
    }
    route_log_close(&call.routes);
    runner_close(&call.runner);
    session_close(&call.session);
    return status;
}

/* ---- a model with an encoder ---- */

typedef struct stacks_call {
    encoder_decoder *stacks;
    route_log *in, *out;
    const int32_t *tokens, *decoder;
    const cadre_model *model;
} stacks_call;

/* Declares "KIND.i" for each sparse layer, numbered from `first`. */
static cadre_status declare_layers(
    safetensors_writer *w, const char *kind, const char *dtype, const route_log *r, int64_t first)
{
    for (int64_t i = 0; i < r->layers; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.%lld", kind, (long long)(first + i));
        CADRE_TRY(
            safetensors_writer_declare(w, name, dtype, 2, (const int64_t[]){ r->room, r->picks }));
    }
    return CADRE_OK;
}

static cadre_status put_cells(safetensors_writer *w, const route_log *r, const void *cells)
{
    return safetensors_writer_put(w, cells, (size_t)(r->layers * r->room * r->picks) * 4);
}

static cadre_status stream_stacks(void *arg, safetensors_writer *w, real *row)
{
    const stacks_call *call = arg;
    const route_log *in = call->in, *out = call->out;
    int64_t vocab = out->config->vocab;
    CADRE_TRY(safetensors_writer_declare(w, "tokens", "I32", 1, &in->room));
    CADRE_TRY(safetensors_writer_declare(w, "decoder_tokens", "I32", 1, &out->room));
    CADRE_TRY(
        safetensors_writer_declare(w, "logits", "F32", 2, (const int64_t[]){ out->room, vocab }));
    CADRE_TRY(declare_layers(w, "routes", "I32", in, 0));
    CADRE_TRY(declare_layers(w, "routes", "I32", out, in->layers));
    CADRE_TRY(declare_layers(w, "weights", "F32", in, 0));
    CADRE_TRY(declare_layers(w, "weights", "F32", out, in->layers));
    CADRE_TRY(safetensors_writer_put(w, call->tokens, (size_t)in->room * sizeof *call->tokens));
    CADRE_TRY(safetensors_writer_put(w, call->decoder, (size_t)out->room * sizeof *call->decoder));
    for (int64_t i = 0; i < out->room; i++) {
        encoder_decoder_logits(call->stacks, i, 1, row);
        CADRE_TRY(model_status(call->model));
        CADRE_TRY(logits_check(call->model, row, i));
        CADRE_TRY(put_reals(w, row, vocab));
    }
    CADRE_TRY(put_cells(w, in, in->experts));
    CADRE_TRY(put_cells(w, out, out->experts));
    CADRE_TRY(put_cells(w, in, in->weights));
    return put_cells(w, out, out->weights);
}

static cadre_status write_logits_of(cadre_model *model, stacks_call *call, const char *out)
{
    encoder_decoder stacks;
    CADRE_TRY(encoder_decoder_open(model, call->in->room, call->out->room, &stacks));
    call->stacks = &stacks;
    cadre_status status =
        encoder_decoder_read(&stacks, call->tokens, call->in->room, route_log_watch, call->in);
    if (status == CADRE_OK)
        status = encoder_decoder_run(
            &stacks, call->decoder, call->out->room, route_log_watch, call->out);
    if (status == CADRE_OK) status = write_file(out, model->config.vocab, stream_stacks, call);
    encoder_decoder_close(&stacks);
    return status;
}

static cadre_status logits_of_stacks(cadre_model *model, const int32_t *tokens, int64_t count,
    const int32_t *decoder, int64_t decoder_count, const char *out)
{
    route_log in_log = { 0 }, out_log = { 0 };
    CADRE_TRY(session_check_tokens(model, decoder, decoder_count));
    cadre_status status = route_log_open(&in_log, &model->encoder->config, count);
    if (status == CADRE_OK) status = route_log_open(&out_log, &model->config, decoder_count);
    stacks_call call = { NULL, &in_log, &out_log, tokens, decoder, model };
    if (status == CADRE_OK) status = write_logits_of(model, &call, out);
    route_log_close(&in_log);
    route_log_close(&out_log);
    return status;
}

static cadre_status write_logits(cadre_model *model, const int32_t *tokens, int64_t count,
    const int32_t *decoder, int64_t decoder_count, const char *out)
{
    if (count < 1)
        return cadre_fail(CADRE_EARGUMENT, NULL, "tokens: expected at least one, found none");
    CADRE_TRY(destination_file(out));
    CADRE_TRY(session_check_tokens(model, tokens, count));
    if (!model->encoder && decoder)
        return cadre_fail(CADRE_EARGUMENT, model->path,
            "decoder tokens: expected none for a model without an encoder");
    if (model->encoder && decoder_count < 1)
        return cadre_fail(
            CADRE_EARGUMENT, model->path, "decoder tokens: expected at least one, found none");
    if (model->encoder) return logits_of_stacks(model, tokens, count, decoder, decoder_count, out);
    return logits_of_decoder(model, tokens, count, out);
}

cadre_status cadre_logits(cadre_model *model, const int32_t *tokens, int64_t count,
    const int32_t *decoder, int64_t decoder_count, const char *out)
{
    CADRE_TRY(context_enter(model->context));
    return context_leave(
        model->context, write_logits(model, tokens, count, decoder, decoder_count, out));
}
