/* generate.c - continuing a text token by token. */
#include "base/memory.h"
#include "infer/encoder_decoder.h"
#include "infer/routes.h"
#include "infer/runner.h"
#include "infer/sampler.h"

typedef struct generation {
    cadre_model *model;
    session session;
    runner runner;
    encoder_decoder stacks; /* of a model with an encoder, in place of session and runner */
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

static cadre_status feed(generation *g, const int32_t *tokens, int64_t count, bool prompt)
{
    runner_feed(&g->runner, &(runner_part){ &g->session, tokens, count }, 1);
    for (int64_t t = 0; g->routes && t < count; t++) {
        string_view text;
        sampler_saw(&g->sampler, tokens[t]);
        CADRE_TRY(text_of(g->echo, tokens[t], &text));
        CADRE_TRY(route_file_put(g->routes, &g->log, t, tokens[t], text.data, text.size, prompt));
    }
    for (int64_t t = 0; !g->routes && t < count; t++) sampler_saw(&g->sampler, tokens[t]);
    return CADRE_OK;
}

static bool is_end(const generation *g, int32_t token) { return model_config_ends(&g->model->config, token); }

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
    *token = sampler_next(&g->sampler, g->logits, position);
    CADRE_TRY(report(g, *token, more));
    return *more && cadre_interrupted() ? cadre_fail(CADRE_EINTERRUPTED, NULL, "stopped on request") : CADRE_OK;
}

static cadre_status run(generation *g, const int32_t *tokens, int64_t count, int64_t limit)
{
    int64_t last = 0; /* tokens of the last chunk */
    for (int64_t at = 0; at < count; at += last) {
        last = runner_chunk(count - at);
        CADRE_TRY(feed(g, tokens + at, last, true));
    }
    for (int64_t i = 0; i < limit; i++) {
        int32_t token;
        bool more;
        runner_logits(&g->runner, last - 1, 1, g->logits);
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
    encoder_decoder_read(&g->stacks, tokens, count, NULL, NULL);
    for (int64_t i = 0; i < limit; i++) {
        bool more;
        encoder_decoder_run(&g->stacks, g->output, i + 1, NULL, NULL);
        encoder_decoder_logits(&g->stacks, i, 1, g->logits);
        CADRE_TRY(choose(g, count + i, &g->output[i + 1], &more));
        if (!more) break;
        sampler_saw(&g->sampler, g->output[i + 1]);
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
    CADRE_TRY(route_log_open(&g->log, &g->model->config, RUNNER_CHUNK));
    g->runner.watch = route_log_watch;
    g->runner.watch_arg = &g->log;
    return route_file_open(path, g->model, &g->routes);
}

static cadre_status open_session(generation *g, int64_t prompt, int64_t capacity)
{
    CADRE_TRY(session_open(g->model, capacity, &g->session));
    return runner_open(g->model, runner_chunk(prompt), 1, capacity, &g->runner);
}

static cadre_status open_all(generation *g, int64_t count, int64_t limit, const cadre_sampling *sampling, const char *routes)
{
    bool stacks = g->model->encoder != NULL;
    if (stacks && routes)
        return cadre_fail(CADRE_EUNSUPPORTED, routes,
                          "a recording of routes: expected a model without an encoder, found one with");
    if (stacks && !(g->output = MEM_ARRAY(int32_t, limit + 1))) return CADRE_ENOMEM;
    if (stacks) CADRE_TRY(encoder_decoder_open(g->model, count, limit + 1, &g->stacks));
    else CADRE_TRY(open_session(g, count, count + limit));
    CADRE_TRY(sampler_open(&g->sampler, sampling, g->model->config.vocab));
    CADRE_TRY(open_streams(g, g->model));
    if (!(g->logits = MEM_ARRAY(real, g->model->config.vocab))) return CADRE_ENOMEM;
    return routes ? open_routes(g, routes) : CADRE_OK;
}

static void close_all(generation *g)
{
    session_close(&g->session);
    runner_close(&g->runner);
    encoder_decoder_close(&g->stacks);
    mem_free(g->output);
    sampler_close(&g->sampler);
    token_stream_free(g->stream);
    token_stream_free(g->echo);
    route_log_close(&g->log);
    mem_free(g->logits);
}

cadre_status cadre_generate(cadre_model *model, const int32_t *tokens, int64_t count, int64_t limit,
                            const cadre_sampling *sampling, const char *routes, cadre_token_listener listener, void *arg)
{
    if (count < 1) return cadre_fail(CADRE_EARGUMENT, NULL, "the prompt: expected at least one token, found none");
    if (limit < 0)
        return cadre_fail(CADRE_EARGUMENT, NULL, "tokens to generate: expected 0 or more, found %lld", (long long)limit);
    CADRE_TRY(session_check_tokens(model, tokens, count));
    generation g = { .model = model, .listener = listener, .arg = arg };
    cadre_status status = open_all(&g, count, limit, sampling, routes);
    if (status == CADRE_OK) status = (model->encoder ? run_stacks : run)(&g, tokens, count, limit);
    if (g.routes && (status == CADRE_OK || status == CADRE_EINTERRUPTED)) {
        cadre_status written = route_file_commit(g.routes);
        if (status == CADRE_OK) status = written;
    } else route_file_discard(g.routes);
    close_all(&g);
    return status;
}
