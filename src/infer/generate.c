/* generate.c - continues one text, once or repeatedly in a session that keeps what it has read,
 * with a batcher of one request. */
#include "base/memory.h"
#include "base/sized.h"
#include "infer/session_public.h"
#include "kernel/context.h"

static void run_request(batcher *b, request *r)
{
    cadre_status status = batcher_join(b, r);
    if (status != CADRE_OK) request_fail(r, status);
    while (!request_ended(r)) batcher_pass(b);
}

static batcher_limits alone(int64_t capacity, int64_t chunk)
{
    return (batcher_limits){ .slots = 1, .capacity = capacity, .chunk = chunk, .beside = chunk };
}

/* ---- a recording of routes ---- */

typedef struct recording {
    route_file *file;   /* NULL: nothing is recorded */
    token_stream *text; /* decodes every token; NULL: the model has no tokenizer */
} recording;

static cadre_status record(void *arg, const route_log *log, int64_t t, int32_t token, bool prompt)
{
    recording *r = arg;
    string_view text = { "", 0 };
    if (r->text) CADRE_TRY(token_stream_put(r->text, token, &text));
    return route_file_put(r->file, log, t, token, text.data, text.size, prompt);
}

static cadre_status open_recording(cadre_model *model, const cadre_generation *g, recording *r)
{
    const char *path = g->routes;
    const tokenizer *t;
    if (model->encoder)
        return cadre_fail(CADRE_EUNSUPPORTED, path,
            "a recording of routes: expected a model without an encoder, found one with");
    if (!model_config_sparse_layers(&model->config))
        return cadre_fail(CADRE_EUNSUPPORTED, path,
            "a recording of routes: expected a model with sparse layers, found none");
    if (model_has_tokenizer(model)) {
        CADRE_TRY(cadre_model_tokenizer(model, &t));
        CADRE_TRY(token_stream_new(t, 0, &r->text));
    }
    return route_file_open(path, model, g->command, &r->file);
}

/* The file appears complete, even for a text that was interrupted, or not at all. */
static cadre_status close_recording(recording *r, cadre_status status)
{
    token_stream_free(r->text);
    if (r->file && (status == CADRE_OK || status == CADRE_EINTERRUPTED)) {
        cadre_status written = route_file_commit(r->file);
        return status == CADRE_OK ? written : status;
    }
    route_file_discard(r->file);
    return status;
}

/* ---- sessions ---- */

static cadre_status check_room(const cadre_session *s, int64_t count, int64_t limit)
{
    if (limit < 0 || count <= s->capacity - limit)
        return CADRE_OK; /* request_open checks the limit */
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "expected at most %lld tokens in this session, found %lld and %lld to generate",
        (long long)s->capacity, (long long)count, (long long)limit);
}

static cadre_status open_batcher(cadre_session *s)
{
    batcher_limits limits = alone(s->capacity, runner_pass_tokens(s->capacity));
    limits.blocks = s->blocks;
    return s->batcher.slots ? CADRE_OK : batcher_open(s->model, &limits, &s->session, &s->batcher);
}

static cadre_status continue_tokens(
    cadre_session *s, const int32_t *tokens, int64_t count, const request_options *options)
{
    request r;
    CADRE_TRY(check_room(s, count, options->limit));
    CADRE_TRY(open_batcher(s));
    CADRE_TRY(request_open(s->model, tokens, count, options, &r));
    run_request(&s->batcher, &r);
    cadre_status status = r.status;
    request_close(&r);
    return status;
}

cadre_status cadre_session_generate(cadre_session *s, const int32_t *tokens, int64_t count,
    int64_t limit, const cadre_sampling *sampling, cadre_token_listener listener, void *arg)
{
    const request_options options = {
        .limit = limit, .sampling = sampling, .may_stop = true, .listener = listener, .arg = arg
    };
    CADRE_TRY(session_enter(s));
    return session_leave(s, continue_tokens(s, tokens, count, &options));
}

/* ---- one text ---- */

static cadre_status run_once(cadre_model *model, request *r)
{
    int64_t capacity = r->prompt + r->options.limit;
    const batcher_limits limits = alone(capacity, runner_pass_tokens(r->prompt));
    session past = { 0 };
    batcher b = { 0 };
    cadre_status status = model->encoder ? CADRE_OK : session_open(model, capacity, &past);
    if (status == CADRE_OK)
        status = batcher_open(model, &limits, model->encoder ? NULL : &past, &b);
    if (status == CADRE_OK) {
        run_request(&b, r);
        status = r->status;
    }
    batcher_close(&b);
    session_close(&past);
    return status;
}

static cadre_status generate_once(
    cadre_model *model, const int32_t *tokens, int64_t count, const cadre_generation *g)
{
    request_options options = { .limit = g->limit,
        .sampling = g->sampling,
        .may_stop = true,
        .listener = g->listener,
        .arg = g->arg };
    request r;
    recording recorded = { 0 };
    options.watch = g->routes ? record : NULL;
    options.watch_arg = &recorded;
    CADRE_TRY(request_open(model, tokens, count, &options, &r));
    cadre_status status = g->routes ? open_recording(model, g, &recorded) : CADRE_OK;
    if (status == CADRE_OK) status = run_once(model, &r);
    status = close_recording(&recorded, status);
    request_close(&r);
    return status;
}

cadre_status cadre_generate(
    cadre_model *model, const int32_t *tokens, int64_t count, const cadre_generation *generation)
{
    cadre_generation g;
    CADRE_TRY(sized_read(
        "cadre_generation", generation, SIZE_UP_TO(cadre_generation, routes), &g, sizeof g));
    CADRE_TRY(context_enter(model->context));
    return context_leave(model->context, generate_once(model, tokens, count, &g));
}
