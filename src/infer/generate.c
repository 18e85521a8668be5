/* generate.c - continuing a text token by token, once or again and again in a session that keeps
 * what it has read. */
#include "base/memory.h"
#include "infer/encoder_decoder.h"
#include "infer/finite.h"
#include "infer/routes.h"
#include "infer/runner.h"
#include "infer/sampler.h"
#include "infer/session_public.h"
#include "kernel/context.h"

typedef struct generation {
    cadre_model *model;
    cadre_session *on;
    encoder_decoder stacks; /* of a model with an encoder, in place of `on` */
    int32_t *output;        /* [limit + 1] its output so far, from the start token on */
    sampler sampler;
    route_log log;        /* of the chunk in work */
    route_file *routes;   /* NULL: not recorded */
    token_stream *stream; /* text of what is generated; NULL: the model has no tokenizer */
    token_stream *echo;   /* text of every token, for the recording */
    real *logits;         /* [V] */
    cadre_token_listener listener;
    void *arg;
} generation;

static cadre_status text_of(token_stream *stream, int32_t token, string_view *text)
{
    *text = (string_view){ "", 0 };
    return stream ? token_stream_put(stream, token, text) : CADRE_OK;
}

static cadre_status record(generation *g, const int32_t *tokens, int64_t count, bool prompt)
{
    for (int64_t t = 0; t < count; t++) {
        string_view text;
        CADRE_TRY(text_of(g->echo, tokens[t], &text));
        CADRE_TRY(route_file_put(g->routes, &g->log, t, tokens[t], text.data, text.size, prompt));
    }
    return CADRE_OK;
}

static cadre_status stop_if_asked(void)
{
    return cadre_interrupted() ? cadre_fail(CADRE_EINTERRUPTED, NULL, "stopped on request")
                               : CADRE_OK;
}

static cadre_status feed(generation *g, const int32_t *tokens, int64_t count, bool prompt)
{
    g->on->runner.may_stop = prompt; /* which may be long; a token is finished */
    CADRE_TRY(runner_feed(&g->on->runner, &(runner_part){ &g->on->session, tokens, count }, 1));
    if (g->routes) CADRE_TRY(record(g, tokens, count, prompt));
    return prompt ? stop_if_asked() : CADRE_OK;
}

static bool is_end(const generation *g, int32_t token)
{
    return model_config_ends(&g->model->config, token);
}

/* Reports one token; *more: whether to go on. */
static cadre_status report(generation *g, int32_t token, bool *more)
{
    string_view text = { "", 0 };
    if (!is_end(g, token)) CADRE_TRY(text_of(g->stream, token, &text));
    *more = g->listener(g->arg, token, text.data, text.size) && !is_end(g, token);
    return CADRE_OK;
}

static cadre_status report_rest(generation *g)
{
    string_view text;
    if (!g->stream) return CADRE_OK;
    CADRE_TRY(token_stream_end(g->stream, &text));
    if (text.size) g->listener(g->arg, -1, text.data, text.size);
    return CADRE_OK;
}

/* The next token from the logits, reported; *more: whether to go on. */
static cadre_status choose(generation *g, int64_t position, int32_t *token, bool *more)
{
    CADRE_TRY(logits_check(g->model, g->logits, position));
    *token = sampler_next(&g->sampler, g->logits, position);
    CADRE_TRY(report(g, *token, more));
    sampler_saw(&g->sampler, *token);
    return *more ? stop_if_asked() : CADRE_OK;
}

static cadre_status run(generation *g, const int32_t *tokens, int64_t count, int64_t limit)
{
    /* last: tokens of the last chunk */
    int64_t shared = session_shared(&g->on->session, tokens, count - 1), last = 0;
    session_rewind(&g->on->session, shared);
    for (int64_t at = shared; at < count; at += last) {
        last = count - at < g->on->runner.tokens ? count - at : g->on->runner.tokens;
        CADRE_TRY(feed(g, tokens + at, last, true));
    }
    for (int64_t i = 0; i < limit; i++) {
        int32_t token;
        bool more;
        runner_logits(&g->on->runner, (int64_t[]){ last - 1 }, 1, g->logits);
        CADRE_TRY(choose(g, count + i, &token, &more));
        if (!more || i + 1 == limit) break;
        CADRE_TRY(feed(g, &token, 1, false));
        last = 1;
    }
    return report_rest(g);
}

static cadre_status run_stacks(generation *g, const int32_t *tokens, int64_t count, int64_t limit)
{
    g->output[0] = (int32_t)g->model->config.bos;
    CADRE_TRY(encoder_decoder_read(&g->stacks, tokens, count, NULL, NULL));
    for (int64_t i = 0; i < limit; i++) {
        bool more;
        CADRE_TRY(encoder_decoder_run(&g->stacks, g->output, i + 1, NULL, NULL));
        encoder_decoder_logits(&g->stacks, i, 1, g->logits);
        CADRE_TRY(choose(g, count + i, &g->output[i + 1], &more));
        if (!more) break;
    }
    return report_rest(g);
}

static cadre_status open_streams(generation *g, cadre_model *model)
{
    const tokenizer *t;
    if (!model_has_tokenizer(model)) return CADRE_OK;
    CADRE_TRY(cadre_model_tokenizer(model, &t));
    CADRE_TRY(token_stream_new(t, CADRE_SKIP_SPECIAL, &g->stream));
    return token_stream_new(t, 0, &g->echo);
}

static cadre_status open_routes(generation *g, const char *path)
{
    if (!model_config_sparse_layers(&g->model->config))
        return cadre_fail(CADRE_EUNSUPPORTED, path,
            "a recording of routes: expected a model with sparse layers, found none");
    CADRE_TRY(route_log_open(&g->log, &g->model->config, g->on->runner.tokens));
    g->on->runner.watch = route_log_watch;
    g->on->runner.watch_arg = &g->log;
    return route_file_open(path, g->model, &g->routes);
}

static cadre_status open_stacks(generation *g, int64_t count, int64_t limit, const char *routes)
{
    if (routes)
        return cadre_fail(CADRE_EUNSUPPORTED, routes,
            "a recording of routes: expected a model without an encoder, found one with");
    if (!(g->output = MEM_ARRAY(int32_t, limit + 1))) return CADRE_ENOMEM;
    return encoder_decoder_open(g->model, count, limit + 1, &g->stacks);
}

static cadre_status open_all(generation *g, const cadre_sampling *sampling, const char *routes)
{
    CADRE_TRY(sampler_open(&g->sampler, sampling, g->model->config.vocab));
    CADRE_TRY(open_streams(g, g->model));
    if (!(g->logits = MEM_ARRAY(real, g->model->config.vocab))) return CADRE_ENOMEM;
    return routes ? open_routes(g, routes) : CADRE_OK;
}

static void close_all(generation *g)
{
    encoder_decoder_close(&g->stacks);
    mem_free(g->output);
    sampler_close(&g->sampler);
    token_stream_free(g->stream);
    token_stream_free(g->echo);
    route_log_close(&g->log);
    mem_free(g->logits);
}

static cadre_status check(
    const cadre_model *model, const int32_t *tokens, int64_t count, int64_t limit)
{
    if (count < 1)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "the prompt: expected at least one token, found none");
    if (limit < 0)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "tokens to generate: expected 0 or more, found %lld", (long long)limit);
    return session_check_tokens(model, tokens, count);
}

/* What `g` has been opened for so far, with the rest. */
static cadre_status generate(generation *g, const int32_t *tokens, int64_t count, int64_t limit,
    const cadre_sampling *sampling, const char *routes)
{
    CADRE_TRY(open_all(g, sampling, routes));
    for (int64_t t = 0; g->on && t < count; t++) sampler_saw(&g->sampler, tokens[t]);
    return (g->on ? run : run_stacks)(g, tokens, count, limit);
}

static cadre_status finish(generation *g, cadre_status status)
{
    if (g->routes && (status == CADRE_OK || status == CADRE_EINTERRUPTED)) {
        cadre_status written = route_file_commit(g->routes);
        if (status == CADRE_OK) status = written;
    } else route_file_discard(g->routes);
    close_all(g);
    return status;
}

/* ---- sessions ---- */

static cadre_status go_on(cadre_session *s, const int32_t *tokens, int64_t count, int64_t limit,
    const cadre_sampling *sampling, cadre_token_listener listener, void *arg)
{
    CADRE_TRY(check(s->model, tokens, count, limit));
    if (count > s->capacity - limit)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "expected at most %lld tokens in this session, found %lld and %lld to generate",
            (long long)s->capacity, (long long)count, (long long)limit);
    if (!s->runner.transformer)
        CADRE_TRY(runner_open(s->model, runner_chunk(s->capacity), 1, s->capacity, &s->runner));
    generation g = { .model = s->model, .on = s, .listener = listener, .arg = arg };
    return finish(&g, generate(&g, tokens, count, limit, sampling, NULL));
}

cadre_status cadre_session_generate(cadre_session *s, const int32_t *tokens, int64_t count,
    int64_t limit, const cadre_sampling *sampling, cadre_token_listener listener, void *arg)
{
    CADRE_TRY(session_enter(s));
    return session_leave(s, go_on(s, tokens, count, limit, sampling, listener, arg));
}

/* ---- one text ---- */

/* chunk: tokens of a prompt that it takes at a time */
static cadre_status open_session(
    cadre_model *model, int64_t capacity, int64_t chunk, cadre_session *s)
{
    *s = (cadre_session){ .model = model, .capacity = capacity };
    CADRE_TRY(session_open(model, capacity, &s->session));
    return runner_open(model, chunk, 1, capacity, &s->runner);
}

static void close_session(cadre_session *s)
{
    session_close(&s->session);
    runner_close(&s->runner);
}

static cadre_status generate_once(cadre_model *model, const int32_t *tokens, int64_t count,
    int64_t limit, const cadre_sampling *sampling, const char *routes,
    cadre_token_listener listener, void *arg)
{
    cadre_session once = { 0 };
    CADRE_TRY(check(model, tokens, count, limit));
    generation g = {
        .model = model, .on = model->encoder ? NULL : &once, .listener = listener, .arg = arg
    };
    cadre_status status = g.on ? open_session(model, count + limit, runner_chunk(count), &once)
                               : open_stacks(&g, count, limit, routes);
    if (status == CADRE_OK) status = generate(&g, tokens, count, limit, sampling, routes);
    status = finish(&g, status);
    close_session(&once);
    return status;
}

cadre_status cadre_generate(cadre_model *model, const int32_t *tokens, int64_t count, int64_t limit,
    const cadre_sampling *sampling, const char *routes, cadre_token_listener listener, void *arg)
{
    CADRE_TRY(context_enter(model->context));
    return context_leave(model->context,
        generate_once(model, tokens, count, limit, sampling, routes, listener, arg));
}
