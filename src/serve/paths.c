/* paths.c - THE LIST of paths, and those that are answered at once. */
#include "serve/paths.h"

#include "base/clock.h"
#include "base/memory.h"
#include "model/model.h"
#include "serve/page.h"
#include "serve/reply.h"
#include "serve/token_paths.h"

typedef struct path_row {
    const char *path, *method; /* GET is also asked for by HEAD */
    bool asks_key;
    bool needs_model;
    void (*answer)(paths_room *room, connection *c);
} path_row;

static string_view without_query(string_view target)
{
    const char *mark = memchr(target.data, '?', target.size);
    if (mark) target.size = (size_t)(mark - target.data);
    return target;
}

/* ---- health and models ---- */

/* Something runs, and no pass has ended for so long that it hangs: to be busy is no fault. */
static bool hangs(const paths_room *room)
{
    int64_t running, waiting;
    completions_count(room->completions, &running, &waiting);
    return running && clock_seconds() - atomic_load(&room->engine->last_pass) > room->hang_seconds;
}

static void answer_health(paths_room *room, connection *c)
{
    const char *why = room->draining ? "the server is ending"
                      : !room->ready ? "the model is being opened"
                      : hangs(room)  ? "no pass has ended for a while"
                                     : NULL;
    if (why) {
        api_error e = api_error_new(503, NULL, NULL, "%s", why);
        reply_error(c, &e, NULL);
        return;
    }
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_string(&w, "status", "ok");
    json_put_close(&w, '}');
    reply_json(c, &w);
}

static void put_model(const paths_room *room, json_writer *w)
{
    json_put_object(w, NULL);
    json_put_string(w, "id", room->completions->model_name);
    json_put_string(w, "object", "model");
    json_put_int(w, "created", room->created);
    json_put_string(w, "owned_by", "cadre");
    json_put_int(w, "max_model_len", room->completions->context);
    json_put_close(w, '}');
}

static void answer_models(paths_room *room, connection *c)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_string(&w, "object", "list");
    json_put_array(&w, "data");
    put_model(room, &w);
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    reply_json(c, &w);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 'a' ^ 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether this part of a path, in which "%2F" may stand for '/', is the name. */
static bool names(string_view part, const char *name)
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

static const char model_path[] = "/v1/models/"; /* and its name */

static void answer_model(paths_room *room, connection *c)
{
    string_view part = without_query(c->reader.target);
    part.data += sizeof model_path - 1, part.size -= sizeof model_path - 1;
    const char *name = room->completions->model_name;
    if (!names(part, name)) {
        api_error e = api_error_new(404, "model_not_found", "model",
            "this model is not served here; the one that is is called \"%s\"", name);
        reply_error(c, &e, NULL);
        return;
    }
    json_writer w = json_writer_new(0);
    put_model(room, &w);
    reply_json(c, &w);
}

/* ---- tokens ---- */

static void answer_ids(paths_room *room, connection *c) { answer_tokenize(room->completions, c); }
static void answer_words(paths_room *room, connection *c)
{
    answer_detokenize(room->completions, c);
}

/* ---- completions ---- */

static void answer_completion(paths_room *room, connection *c)
{
    completion_begin(room->completions, c, false);
}

static void answer_chat(paths_room *room, connection *c)
{
    completion_begin(room->completions, c, true);
}

/* ---- what is to be looked at ---- */

static void answer_metrics(paths_room *room, connection *c)
{
    double now = clock_seconds();
    stats_now s = { .uptime = now - room->started, .connections = room->connections };
    byte_buffer text = { 0 };
    const loads *l = room->loads;
    completions_count(room->completions, &s.running, &s.waiting);
    if (room->ready) {
        cadre_batcher_cache cache = { .size = sizeof cache };
        cadre_batcher_cache_get(room->engine->batcher, &cache);
        loads_update(room->loads, now);
        s.cache_blocks = cache.blocks, s.cache_kept = cache.kept, s.evicted = cache.evicted;
        s.snapshots = cache.snapshots, s.kept_snapshots = cache.kept_snapshots;
        s.cache_used = cache.blocks ? (double)cache.used / (double)cache.blocks : 0;
        s.passes = l->passes, s.layers = l->layers, s.layer = l->layer;
        s.max_ratio = l->max_ratio, s.dead = l->dead;
        s.store.size = sizeof s.store;
        cadre_model_store(room->engine->model, &s.store);
        model_ranks *ranks = room->engine->model->ranks;
        if (ranks) s.ranks = model_ranks_tallies(ranks, s.rank, STATS_RANKS);
    }
    stats_put(room->stats, &s, paths_names(), &text);
    http_answer a = reply_head(c, 200, "text/plain; version=0.0.4; charset=utf-8");
    connection_answer(c, &a, text.data, text.size);
    byte_buffer_free(&text);
}

/* Of "/events?request=NAME" the name; else nothing. */
static string_view asked_request(const connection *c)
{
    static const char mark[] = "?request=";
    string_view target = c->reader.target;
    const char *at = memchr(target.data, '?', target.size);
    size_t size = at ? (size_t)(target.data + target.size - at) : 0;
    if (size < sizeof mark || memcmp(at, mark, sizeof mark - 1) != 0) return (string_view){ "", 0 };
    return (string_view){ at + sizeof mark - 1, size - (sizeof mark - 1) };
}

static void answer_events(paths_room *room, connection *c)
{
    http_answer a = reply_head(c, 200, "text/event-stream");
    if (c->half) {
        connection_drop(c);
        return;
    }
    if (string_view_is(c->reader.method, "HEAD")) {
        connection_answer(c, &a, NULL, 0);
        return;
    }
    if (feed_add(room->feed, c, &a, asked_request(c))) return;
    api_error e = api_error_new(503, NULL, NULL, "too many look on: try again later");
    reply_error(c, &e, NULL);
}

static void answer_page(paths_room *room, connection *c)
{
    http_answer a = reply_head(c, 200, "text/html; charset=utf-8");
    (void)room;
    a.policy = live_policy;
    connection_answer(c, &a, live_page, strlen(live_page));
}

/* ---- the list ---- */

static const path_row rows[] = {
    { "/health", "GET", false, false, answer_health },
    { "/v1/models", "GET", true, true, answer_models },
    { model_path, "GET", true, true, answer_model },
    { "/v1/chat/completions", "POST", true, true, answer_chat },
    { "/v1/completions", "POST", true, true, answer_completion },
    { "/tokenize", "POST", true, true, answer_ids },
    { "/detokenize", "POST", true, true, answer_words },
    { "/metrics", "GET", true, false, answer_metrics },
    { "/events", "GET", true, true, answer_events },
    { "/", "GET", false, false, answer_page },
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

/* ---- who may ask ---- */

static bool is_method(const path_row *row, string_view method)
{
    if (string_view_is(method, "HEAD")) return strcmp(row->method, "GET") == 0;
    return string_view_is(method, row->method);
}

static const char *allowed(const path_row *row)
{
    return strcmp(row->method, "GET") == 0 ? "GET, HEAD" : row->method;
}

static api_error check_caller(const paths_room *room, const http_reader *r)
{
    string_view host = http_reader_field(r, "host"), origin = http_reader_field(r, "origin");
    bool reads = string_view_is(r->method, "GET") || string_view_is(r->method, "HEAD") ||
                 string_view_is(r->method, "OPTIONS");
    if (!access_host_is_known(&room->rules, host))
        return api_error_new(421, NULL, NULL, "Host: expected a name of this server");
    if (!reads && !access_origin_is_known(&room->rules, origin, host))
        return api_error_new(403, NULL, NULL, "Origin: expected a page that may ask here");
    return (api_error){ 0 };
}

static api_error check_key(const paths_room *room, const path_row *row, const http_reader *r)
{
    string_view given = http_reader_field(r, "authorization");
    if (!row->asks_key || access_key_is_right(&room->rules, given)) return (api_error){ 0 };
    return api_error_new(401, "invalid_api_key", NULL,
        given.data ? "the API key is not the right one" : "expected an API key, found none");
}

static api_error check_readiness(const paths_room *room, const path_row *row)
{
    if (!row->needs_model) return (api_error){ 0 };
    if (room->draining) return api_error_new(503, NULL, NULL, "the server is ending");
    if (!room->ready) return api_error_new(503, NULL, NULL, "the model is being opened");
    return (api_error){ 0 };
}

static bool is_preflight(const paths_room *room, const http_reader *r)
{
    return string_view_is(r->method, "OPTIONS") &&
           access_origin_may_read(&room->rules, http_reader_field(r, "origin")) &&
           http_reader_field(r, "access-control-request-method").data;
}

static void answer_preflight(connection *c)
{
    http_answer a = reply_head(c, 204, NULL);
    a.preflight = true;
    connection_answer(c, &a, NULL, 0);
}

/* What keeps the request from being answered; status 0: nothing. */
static api_error check(const paths_room *room, connection *c, const char **allow)
{
    api_error e = check_caller(room, &c->reader);
    if (e.status) return e;
    if (c->path < 0) return api_error_new(404, NULL, NULL, "there is nothing under this path");
    const path_row *row = &rows[c->path];
    if (!is_method(row, c->reader.method)) {
        *allow = allowed(row);
        return api_error_new(405, NULL, NULL, "this path is asked for by %s", *allow);
    }
    e = check_key(room, row, &c->reader);
    return e.status ? e : check_readiness(room, row);
}

bool paths_heard_head(paths_room *room, connection *c)
{
    string_view origin = http_reader_field(&c->reader, "origin");
    const char *allow = NULL;
    c->path = find(c->reader.target);
    c->answer = (http_answer){ .varies = room->rules.cors != NULL };
    if (access_origin_may_read(&room->rules, origin)) c->answer.cors = room->rules.cors;
    if (c->path >= 0 && is_preflight(room, &c->reader) &&
        access_host_is_known(&room->rules, http_reader_field(&c->reader, "host"))) {
        answer_preflight(c);
        return false;
    }
    api_error e = check(room, c, &allow);
    if (!e.status) return true;
    reply_error(c, &e, allow);
    return false;
}

void paths_heard(paths_room *room, connection *c)
{
    api_error e = check_readiness(room, &rows[c->path]);
    if (e.status) reply_error(c, &e, NULL);
    else rows[c->path].answer(room, c);
}
