/* request.c - the steps of a text that is continued: read, choose, report, end. */
#include "infer/request.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "kernel/context.h"
#include "infer/finite.h"
#include "infer/session.h"

/* ---- opening ---- */

static cadre_status check(
    const cadre_model *model, const int32_t *tokens, int64_t count, const request_options *o)
{
    if (count < 1)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "the prompt: expected at least one token, found none");
    if (o->limit < 0)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "tokens to generate: expected 0 or more, found %lld", (long long)o->limit);
    if (o->top < 0 || o->top > LOGPROBS_MOST)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "the most likely tokens: expected 0 to %d of them, found %d", LOGPROBS_MOST, o->top);
    return session_check_tokens(model, tokens, count);
}

static cadre_status copy_biases(request *r)
{
    cadre_sampling *s = &r->sampling;
    if (!s->bias_count) return CADRE_OK;
    r->biases = MEM_ARRAY(cadre_bias, s->bias_count);
    if (!r->biases) return CADRE_ENOMEM;
    memcpy(r->biases, s->biases, (size_t)s->bias_count * sizeof *r->biases);
    s->biases = r->biases;
    return CADRE_OK;
}

/* Reserves room for all scores that may come; the system gives a page when it is first written. */
static cadre_status open_scores(request *r)
{
    const request_options *o = &r->options;
    if (o->logprobs) CADRE_TRY(logprobs_open(o->limit, o->top, &r->scores));
    return o->prompt_logprobs ? logprobs_open(r->prompt, o->top, &r->prompt_scores) : CADRE_OK;
}

static cadre_status copy(request *r, const int32_t *tokens, const request_options *o)
{
    r->tokens = MEM_ARRAY(int32_t, r->prompt + r->start + o->limit);
    r->ends = MEM_ARRAY(int32_t, o->end_count);
    if (!r->tokens || !r->ends) return CADRE_ENOMEM;
    memcpy(r->tokens, tokens, (size_t)r->prompt * sizeof *tokens);
    if (r->start) r->tokens[r->prompt] = (int32_t)r->model->config.bos;
    if (o->end_count) memcpy(r->ends, o->ends, (size_t)o->end_count * sizeof *o->ends);
    CADRE_TRY(copy_biases(r));
    CADRE_TRY(open_scores(r));
    return o->stop_count ? cadre_stop_new(o->stops, o->stop_count, &r->stop) : CADRE_OK;
}

cadre_status request_open(cadre_model *model, const int32_t *tokens, int64_t count,
    const request_options *options, request *out)
{
    request r = {
        .model = model, .options = *options, .prompt = count, .start = model->encoder != NULL
    };
    *out = (request){ 0 };
    CADRE_TRY(check(model, tokens, count, options));
    CADRE_TRY(sampler_read(options->sampling, model->config.vocab, &r.sampling));
    CADRE_TRY(constraint_check(r.sampling.constraint, model));
    cadre_status status = copy(&r, tokens, options);
    if (status == CADRE_OK)
        status = constraint_begin(r.sampling.constraint, r.ends, options->end_count, &r.constraint);
    if (status == CADRE_OK) *out = r;
    else request_close(&r);
    return status;
}

static cadre_status open_stream(request *r)
{
    const tokenizer *t;
    if (!model_has_tokenizer(r->model)) return CADRE_OK;
    CADRE_TRY(cadre_model_tokenizer(r->model, &t));
    return token_stream_new(t, CADRE_SKIP_SPECIAL, &r->stream);
}

cadre_status request_begin(request *r, int64_t read)
{
    CADRE_TRY(sampler_open(&r->sampler, r->model->context->compute->variant->rows, &r->sampling,
        r->model->config.vocab));
    CADRE_TRY(open_stream(r));
    r->read = read;
    /* A penalty is for tokens that the decoder repeats; an encoder reads another text */
    for (int64_t t = 0; !r->start && t < r->prompt; t++) sampler_saw(&r->sampler, r->tokens[t]);
    return CADRE_OK;
}

void request_close(request *r)
{
    sampler_close(&r->sampler);
    constraint_end(&r->constraint);
    token_stream_free(r->stream);
    cadre_stop_free(r->stop);
    mem_free(r->tokens);
    mem_free(r->ends);
    mem_free(r->biases);
    logprobs_close(&r->scores);
    logprobs_close(&r->prompt_scores);
    *r = (request){ 0 };
}

void request_fail(request *r, cadre_status status)
{
    r->state = REQUEST_FAILED;
    r->status = status;
    snprintf(r->sentence, sizeof r->sentence, "%s", cadre_last_error());
}

/* ---- reporting ---- */

static bool ends(const request *r, int32_t token)
{
    for (int64_t i = 0; i < r->options.end_count; i++)
        if (r->ends[i] == token) return true;
    return model_config_ends(&r->model->config, token);
}

/* Keeps the part of the text that is no stop text and cannot become one. */
static cadre_status filter(request *r, string_view *text)
{
    bool found = false;
    if (r->stop)
        CADRE_TRY(
            cadre_stop_take(r->stop, text->data, text->size, &text->data, &text->size, &found));
    if (found) r->state = REQUEST_STOPPED;
    return CADRE_OK;
}

/* Whether the listener wants more; nobody, who is NULL, does. */
static bool tell_listener(const request *r, int32_t token, string_view text)
{
    const cadre_token_listener listener = r->options.listener;
    return !listener || listener(r->options.arg, token, text.data, text.size);
}

static cadre_status tell(request *r, int32_t token)
{
    string_view text = { "", 0 };
    bool end = ends(r, token);
    if (!end && r->stream) CADRE_TRY(token_stream_put(r->stream, token, &text));
    CADRE_TRY(filter(r, &text));
    bool more = tell_listener(r, token, text);
    if (end) r->state = REQUEST_ENDED;
    else if (!more && !request_ended(r)) r->state = REQUEST_LEFT;
    return CADRE_OK;
}

static void tell_text(request *r, string_view text)
{
    if (text.size) tell_listener(r, -1, text);
}

/* Reports an unfinished character, and text that was held back and is no stop text. */
static cadre_status tell_rest(request *r)
{
    string_view text = { "", 0 };
    if (r->state == REQUEST_STOPPED) return CADRE_OK;
    if (r->stream) CADRE_TRY(token_stream_end(r->stream, &text));
    CADRE_TRY(filter(r, &text));
    tell_text(r, text);
    if (!r->stop || r->state == REQUEST_STOPPED) return CADRE_OK;
    cadre_stop_rest(r->stop, &text.data, &text.size);
    tell_text(r, text);
    return CADRE_OK;
}

/* ---- passes ---- */

int64_t request_next(const request *r, int64_t most, const int32_t **tokens)
{
    int64_t left = request_left(r);
    assert(!r->start);
    *tokens = r->tokens + r->read;
    return left < most ? left : most;
}

const int32_t *request_output(const request *r, int64_t *count)
{
    *count = r->start + r->written;
    return r->tokens + r->prompt;
}

static cadre_status watch(const request *r, int64_t count, const route_log *log, int64_t first)
{
    const request_options *o = &r->options;
    for (int64_t t = 0; o->watch && log && t < count; t++)
        CADRE_TRY(o->watch(
            o->watch_arg, log, first + t, r->tokens[r->read + t], r->read + t < r->prompt));
    return CADRE_OK;
}

/* If the limit is 0 tokens, the request ends when its prompt is read. */
static cadre_status read_on(request *r, int64_t count, const route_log *log, int64_t first)
{
    bool reads = r->read < r->prompt;
    CADRE_TRY(watch(r, count, log, first));
    r->read += count;
    if (reads && r->options.may_stop) CADRE_TRY(interrupt_check(NULL));
    if (r->read < r->prompt) return CADRE_OK;
    r->state = r->options.limit ? REQUEST_WRITES : REQUEST_LIMIT;
    return request_ended(r) ? tell_rest(r) : CADRE_OK;
}

static cadre_status make_ready(request *r)
{
    if (r->constraint.constraint) CADRE_TRY(constraint_find(&r->constraint));
    r->sampler.mask = r->constraint.mask;
    return CADRE_OK;
}

static cadre_status take(request *r)
{
    int32_t token = r->drawn;
    bool whole = false;
    if (token < 0) return logits_refuse(r->model, request_length(r));
    r->tokens[r->start + request_length(r)] = token;
    r->written++;
    sampler_wrote(&r->sampler, token);
    if (r->constraint.constraint) CADRE_TRY(constraint_take(&r->constraint, token, &whole));
    CADRE_TRY(tell(r, token));
    if (whole && !request_ended(r)) r->state = REQUEST_ENDED;
    if (!request_ended(r) && r->options.may_stop) CADRE_TRY(interrupt_check(NULL));
    if (!request_ended(r) && r->written == r->options.limit) r->state = REQUEST_LIMIT;
    return request_ended(r) ? tell_rest(r) : CADRE_OK;
}

void request_read(request *r, int64_t count, const route_log *log, int64_t first)
{
    cadre_status status = read_on(r, count, log, first);
    if (status != CADRE_OK) request_fail(r, status);
}

void request_score(request *r, int64_t position, const real *logits)
{
    int64_t vocab = r->model->config.vocab;
    cadre_status status = logits_check(r->model, logits, position);
    if (status != CADRE_OK) request_fail(r, status);
    else logprobs_take(&r->prompt_scores, position, logits, vocab, r->tokens[position]);
}

void request_make_ready(request *r)
{
    cadre_status status = make_ready(r);
    if (status != CADRE_OK) request_fail(r, status);
}

void request_draw(request *r, const real *logits)
{
    if (request_ended(r)) return;
    r->drawn = -1;
    if (!reals_are_finite(logits, r->sampler.vocab)) return;
    r->drawn = sampler_next(&r->sampler, logits, request_length(r));
    if (r->scores.room) logprobs_take(&r->scores, r->written, logits, r->sampler.vocab, r->drawn);
}

void request_take(request *r)
{
    cadre_status status = request_ended(r) ? CADRE_OK : take(r);
    if (status != CADRE_OK) request_fail(r, status);
}
