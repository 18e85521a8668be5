/* paths.c - THE LIST of paths, the handlers of those that are answered at once, and the checks
 * before them: host, origin, path, method, key, readiness. */
#include "serve/paths.h"

#include "base/clock.h"
#include "base/memory.h"
#include "model/model.h"
#include "serve/page.h"
#include "serve/respond.h"
#include "serve/token_paths.h"

typedef struct path_row {
    const char *path, *method; /* GET includes HEAD */
    bool needs_key;
    bool needs_model;
    void (*handle)(paths_context *context, connection *c);
} path_row;

static string_view without_query(string_view target)
{
    const char *mark = memchr(target.data, '?', target.size);
    if (mark) target.size = (size_t)(mark - target.data);
    return target;
}

/* ---- health and models ---- */

/* Whether the engine hangs: requests are running, but no pass has ended for a long time. Being busy
 * is no error. */
static bool hangs(const paths_context *context)
{
    int64_t running, waiting;
    completions_count(context->completions, &running, &waiting);
    return running &&
           clock_seconds() - atomic_load(&context->engine->last_pass) > context->hang_seconds;
}

static void handle_health(paths_context *context, connection *c)
{
    const char *why = context->draining ? "the server is shutting down"
                      : !context->ready ? "the model is being opened"
                      : hangs(context)  ? "the engine has not finished a pass for a while"
                                        : NULL;
    if (why) {
        api_error e = api_error_new(503, NULL, NULL, "%s", why);
        respond_error(c, &e, NULL);
        return;
    }
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_string(&w, "status", "ok");
    json_put_close(&w, '}');
    respond_json(c, &w);
}

static void put_model(const paths_context *context, json_writer *w)
{
    json_put_object(w, NULL);
    json_put_string(w, "id", context->completions->model_name);
    json_put_string(w, "object", "model");
    json_put_int(w, "created", context->created);
    json_put_string(w, "owned_by", "cadre");
    json_put_int(w, "max_model_len", context->completions->context);
    json_put_close(w, '}');
}

static void handle_models(paths_context *context, connection *c)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_string(&w, "object", "list");
    json_put_array(&w, "data");
    put_model(context, &w);
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    respond_json(c, &w);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 'a' ^ 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether this part of a path is the name, after decoding escapes such as "%2F". */
static bool is_name(string_view part, const char *name)
{
    for (size_t i = 0; i < part.size; i++, name++) {
        int byte = (unsigned char)part.data[i];
        if (byte == '%' && i + 2 < part.size) {
            int high = hex_digit(part.data[i + 1]), low = hex_digit(part.data[i + 2]);
            if (high < 0 || low < 0) return false;
            byte = 16 * high + low;
            i += 2;
        }
        if (!*name || (unsigned char)*name != byte) return false;
    }
    return !*name;
}

static const char model_path[] = "/v1/models/"; /* followed by the model's name */

static void handle_model(paths_context *context, connection *c)
{
    string_view part = without_query(c->reader.target);
    part.data += sizeof model_path - 1, part.size -= sizeof model_path - 1;
    const char *name = context->completions->model_name;
    if (!is_name(part, name)) {
        api_error e = api_error_new(404, "model_not_found", "model",
            "this model is not served here; the served model is \"%s\"", name);
        respond_error(c, &e, NULL);
        return;
    }
    json_writer w = json_writer_new(0);
    put_model(context, &w);
    respond_json(c, &w);
}

/* ---- tokens ---- */

static void handle_tokenize(paths_context *context, connection *c)
{
    begin_tokenize(context->completions, c);
}
static void handle_detokenize(paths_context *context, connection *c)
{
    begin_detokenize(context->completions, c);
}

/* ---- completions ---- */

static void handle_completion(paths_context *context, connection *c)
{
    completion_begin(context->completions, c, false);
}

static void handle_chat(paths_context *context, connection *c)
{
    completion_begin(context->completions, c, true);
}

/* ---- metrics and the live page ---- */

static void count_placements(engine *e, stats_now *now)
{
    const engine_placements p = engine_placements_of(e);
    now->places_experts = e->options.place_every > 0;
    now->placements = p.changes;
    now->rank_load = p.after, now->rank_load_before = p.before;
}

static void handle_metrics(paths_context *context, connection *c)
{
    double now = clock_seconds();
    stats_now s = { .uptime = now - context->started, .connections = context->connections };
    byte_buffer text = { 0 };
    const loads *l = context->loads;
    completions_count(context->completions, &s.running, &s.waiting);
    if (context->ready) {
        cadre_batcher_cache cache = { .size = sizeof cache };
        cadre_batcher_cache_get(context->engine->batcher, &cache);
        loads_update(context->loads, now);
        s.cache_blocks = cache.blocks, s.cache_kept = cache.kept, s.evicted = cache.evicted;
        s.snapshots = cache.snapshots, s.kept_snapshots = cache.kept_snapshots;
        s.cache_used = cache.blocks ? (double)cache.used / (double)cache.blocks : 0;
        s.passes = l->passes, s.layers = l->layers, s.layer = l->layer;
        s.max_ratio = l->max_ratio, s.dead = l->dead;
        s.store.size = sizeof s.store;
        cadre_model_store(context->engine->model, &s.store);
        model_ranks *ranks = context->engine->model->ranks;
        if (ranks) s.ranks = model_ranks_tallies(ranks, s.rank, STATS_RANKS);
        count_placements(context->engine, &s);
    }
    stats_put(context->stats, &s, paths_names(), &text);
    http_response a = response_head(c, 200, "text/plain; version=0.0.4; charset=utf-8");
    connection_respond(c, &a, text.data, text.size);
    byte_buffer_free(&text);
}

/* Returns ID of "/events?request=ID", or an empty text. */
static string_view requested_id(const connection *c)
{
    static const char mark[] = "?request=";
    string_view target = c->reader.target;
    const char *at = memchr(target.data, '?', target.size);
    size_t size = at ? (size_t)(target.data + target.size - at) : 0;
    if (size < sizeof mark || memcmp(at, mark, sizeof mark - 1) != 0) return (string_view){ "", 0 };
    return (string_view){ at + sizeof mark - 1, size - (sizeof mark - 1) };
}

static void handle_events(paths_context *context, connection *c)
{
    http_response a = response_head(c, 200, "text/event-stream");
    if (c->half_closed) {
        connection_drop(c);
        return;
    }
    if (string_view_is(c->reader.method, "HEAD")) {
        connection_respond(c, &a, NULL, 0);
        return;
    }
    if (feed_add(context->feed, c, &a, requested_id(c))) return;
    api_error e = api_error_new(503, NULL, NULL, "too many viewers are connected: try again later");
    respond_error(c, &e, NULL);
}

static void handle_page(paths_context *context, connection *c)
{
    http_response a = response_head(c, 200, "text/html; charset=utf-8");
    (void)context;
    a.policy = live_policy;
    connection_respond(c, &a, live_page, strlen(live_page));
}

/* ---- the list ---- */

static const path_row rows[] = {
    { "/health", "GET", false, false, handle_health },
    { "/v1/models", "GET", true, true, handle_models },
    { model_path, "GET", true, true, handle_model },
    { "/v1/chat/completions", "POST", true, true, handle_chat },
    { "/v1/completions", "POST", true, true, handle_completion },
    { "/tokenize", "POST", true, true, handle_tokenize },
    { "/detokenize", "POST", true, true, handle_detokenize },
    { "/metrics", "GET", true, false, handle_metrics },
    { "/events", "GET", true, true, handle_events },
    { "/", "GET", false, false, handle_page },
};
enum { ROWS = sizeof rows / sizeof *rows };
_Static_assert((int)ROWS <= (int)STATS_PATHS, "each path is counted");

const char *const *paths_names(void)
{
    static const char *names[STATS_PATHS + 1];
    for (int i = 0; i < ROWS; i++) names[i] = rows[i].path;
    names[STATS_PATHS] = "other";
    return names;
}

static int find(string_view target)
{
    string_view path = without_query(target), begin = path;
    if (begin.size > sizeof model_path - 1) begin.size = sizeof model_path - 1;
    if (string_view_is(begin, model_path)) path = begin;
    for (int i = 0; i < ROWS; i++)
        if (string_view_is(path, rows[i].path)) return i;
    return -1;
}

/* ---- checks ---- */

static bool is_method(const path_row *row, string_view method)
{
    if (string_view_is(method, "HEAD")) return strcmp(row->method, "GET") == 0;
    return string_view_is(method, row->method);
}

static const char *allowed(const path_row *row)
{
    return strcmp(row->method, "GET") == 0 ? "GET, HEAD" : row->method;
}

static api_error check_caller(const paths_context *context, const http_reader *r)
{
    string_view host = http_reader_field(r, "host"), origin = http_reader_field(r, "origin");
    bool reads = string_view_is(r->method, "GET") || string_view_is(r->method, "HEAD") ||
                 string_view_is(r->method, "OPTIONS");
    if (!access_host_is_known(&context->rules, host))
        return api_error_new(421, NULL, NULL, "Host: expected a name of this server");
    if (!reads && !access_origin_is_known(&context->rules, origin, host))
        return api_error_new(403, NULL, NULL, "Origin: expected this server or an allowed origin");
    return (api_error){ 0 };
}

static api_error check_key(const paths_context *context, const path_row *row, const http_reader *r)
{
    string_view given = http_reader_field(r, "authorization");
    if (!row->needs_key || access_key_is_right(&context->rules, given)) return (api_error){ 0 };
    return api_error_new(401, "invalid_api_key", NULL,
        given.data ? "the API key is wrong" : "expected an API key, found none");
}

static api_error check_readiness(const paths_context *context, const path_row *row)
{
    if (!row->needs_model) return (api_error){ 0 };
    if (context->draining) return api_error_new(503, NULL, NULL, "the server is shutting down");
    if (!context->ready) return api_error_new(503, NULL, NULL, "the model is being opened");
    return (api_error){ 0 };
}

static bool is_preflight(const paths_context *context, const http_reader *r)
{
    return string_view_is(r->method, "OPTIONS") &&
           access_origin_may_read(&context->rules, http_reader_field(r, "origin")) &&
           http_reader_field(r, "access-control-request-method").data;
}

static void handle_preflight(connection *c)
{
    http_response a = response_head(c, 204, NULL);
    a.preflight = true;
    connection_respond(c, &a, NULL, 0);
}

/* The reason why the request is refused; status 0: it is not refused. */
static api_error check(const paths_context *context, connection *c, const char **allow)
{
    api_error e = check_caller(context, &c->reader);
    if (e.status) return e;
    if (c->path < 0) return api_error_new(404, NULL, NULL, "there is no such path");
    const path_row *row = &rows[c->path];
    if (!is_method(row, c->reader.method)) {
        *allow = allowed(row);
        return api_error_new(405, NULL, NULL, "this path takes %s", *allow);
    }
    e = check_key(context, row, &c->reader);
    return e.status ? e : check_readiness(context, row);
}

bool paths_on_head(paths_context *context, connection *c)
{
    string_view origin = http_reader_field(&c->reader, "origin");
    const char *allow = NULL;
    c->path = find(c->reader.target);
    c->response = (http_response){ .varies = context->rules.cors != NULL };
    if (access_origin_may_read(&context->rules, origin)) c->response.cors = context->rules.cors;
    if (c->path >= 0 && is_preflight(context, &c->reader) &&
        access_host_is_known(&context->rules, http_reader_field(&c->reader, "host"))) {
        handle_preflight(c);
        return false;
    }
    api_error e = check(context, c, &allow);
    if (!e.status) return true;
    respond_error(c, &e, allow);
    return false;
}

void paths_on_request(paths_context *context, connection *c)
{
    api_error e = check_readiness(context, &rows[c->path]);
    if (e.status) respond_error(c, &e, NULL);
    else rows[c->path].handle(context, c);
}
