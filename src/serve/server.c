/* server.c - the server: options, connections, the loop's events, and shutting down.
 *
 * One thread runs the loop and does all input and output; the engine's thread computes. The loop
 * has three kinds of events: a new connection, the engine's signal after a pass, and a tick every
 * 0.1 s, which checks time-outs. */
#define _GNU_SOURCE
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "cadre/server.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sized.h"
#include "format/quote.h"
#include "serve/event_library.h"
#include "serve/paths.h"
#include "serve/respond.h"

enum { BODIES = 1 << 28, TEXTS = 7 }; /* most bytes of all bodies at a time; texts of the options */
enum {
    STREAMS = 8,
    QUEUE = 64,
    BODY = 8 << 20,
    CONNECTIONS = 4096,
    SPARE_FILES = 64,
    REFUSED_CONNECTIONS = 32
};
static const double TIMEOUT = 60, HANG_SECONDS = 120, FLUSH_SECONDS = 5;
static const struct timeval TICK = { .tv_usec = 100000 };

struct cadre_server {
    cadre_server_options options; /* copied; its texts are in `texts` */
    byte_buffer texts[TEXTS];
    char url[96];
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *signalled, *tick;
    engine engine;
    engine_placements placements; /* the placements that were logged last */
    stats stats;
    worker worker;
    completions completions;
    loads loads;
    feed feed;
    paths_context paths;
    connection_handlers handlers;
    connection *first;       /* the newest connection */
    int64_t max_connections; /* most connections at a time */
    _Atomic int stops;       /* how many times it was asked to stop */
    double drained_since;    /* when the last request ended while shutting down; 0: not yet */
    cadre_status status;
};

/* ---- options ---- */

static const char *copy_text(byte_buffer *own, const char *text)
{
    if (!text) return NULL;
    byte_buffer_put(own, text, strlen(text));
    return own->data;
}

/* Names the model after its file or folder, without the ending ".gguf". */
static const char *copy_alias(byte_buffer *own, const char *path)
{
    size_t size = strlen(path);
    while (size && path[size - 1] == '/') size--;
    if (size > 5 && memcmp(path + size - 5, ".gguf", 5) == 0) size -= 5;
    size_t begin = size;
    while (begin && path[begin - 1] != '/') begin--;
    byte_buffer_put(own, path + begin, size - begin);
    return own->data;
}

static cadre_status check_options(const cadre_server_options *o)
{
    if (o->port < 0 || o->port > 65535)
        return cadre_fail(CADRE_EARGUMENT, NULL, "port: expected 0 to 65535, found %d", o->port);
    if (o->timeout < 0 || o->body_limit < 0 || o->queue < -1)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "a server's time-out, limit of bodies and queue: expected none below 0");
    if (o->key && !*o->key)
        return cadre_fail(CADRE_EARGUMENT, NULL, "the API key: expected some, found none");
    if (!access_is_loopback(o->host) && !o->key) {
        cadre_fail(CADRE_EARGUMENT, NULL,
            "host: expected a loopback address where no API key is asked for, found \"%s\"",
            quote_text(o->host).text);
        cadre_fail_advice("--api-key-file FILE asks every client for the key in that file");
        return CADRE_EARGUMENT;
    }
    return CADRE_OK;
}

static cadre_status take_options(cadre_server *s, const char *model)
{
    cadre_server_options *o = &s->options;
    byte_buffer *texts = s->texts;
    o->host = copy_text(&texts[0], o->host ? o->host : "127.0.0.1");
    o->alias = o->alias ? copy_text(&texts[1], o->alias) : copy_alias(&texts[1], model);
    o->key = copy_text(&texts[2], o->key);
    o->origin = copy_text(&texts[3], o->origin);
    o->template_name = copy_text(&texts[4], o->template_name);
    s->engine.options.path = copy_text(&texts[5], model);
    o->cache = copy_text(&texts[6], o->cache);
    for (int i = 0; i < TEXTS; i++) CADRE_TRY(texts[i].status);
    if (!o->streams) o->streams = STREAMS;
    o->queue = o->queue < 0 ? 0 : o->queue ? o->queue : QUEUE;
    if (o->timeout <= 0) o->timeout = TIMEOUT;
    if (!o->body_limit) o->body_limit = BODY;
    return check_options(o);
}

/* ---- connections ---- */

/* Bytes of request bodies that all connections hold or may still receive. */
static size_t bytes_of_bodies(const cadre_server *s)
{
    size_t sum = s->worker.bytes;
    for (const connection *c = s->first; c; c = c->next) {
        const http_reader *r = &c->reader;
        bool comes = r->state == HTTP_BODY || r->state == HTTP_READY;
        sum += r->chunked && comes ? r->body_limit : r->body.size + (comes ? r->left : 0);
    }
    return sum;
}

static bool on_head(void *arg, connection *c)
{
    cadre_server *s = arg;
    if (!paths_on_head(&s->paths, c)) return false;
    if (!http_reader_has_body(&c->reader) || bytes_of_bodies(s) <= BODIES) return true;
    api_error e = api_error_new(
        503, NULL, NULL, "too many request bodies are being received: try again later");
    respond_error(c, &e, NULL);
    return false;
}

static void on_request(void *arg, connection *c)
{
    paths_on_request(&((cadre_server *)arg)->paths, c);
}

static void on_refused(void *arg, connection *c, int status, const char *sentence)
{
    cadre_server *s = arg;
    api_error e = api_error_new(status, NULL, NULL, "%s", sentence);
    if (status == 413)
        e = api_error_new(status, NULL, NULL, "the body: expected at most %lld bytes",
            (long long)s->options.body_limit);
    c->keep_alive = false;
    respond_error(c, &e, NULL);
}

/* Logs a response. The line is quoted, so that a client cannot forge a line. */
static void on_response(void *arg, connection *c, int status)
{
    cadre_server *s = arg;
    char line[256];
    const http_reader *r = &c->reader;
    stats_count_request(&s->stats, c->path, status);
    if (s->paths.draining) c->keep_alive = false;
    if (!s->options.log) return;
    string_view method = r->method.size ? r->method : (string_view){ "-", 1 };
    string_view target = r->target.size ? r->target : (string_view){ "-", 1 };
    const char *mark = memchr(target.data, '?', target.size);
    if (mark) target.size = (size_t)(mark - target.data);
    snprintf(line, sizeof line, "%s %s %d, %zu bytes", quote_bytes(method.data, method.size).text,
        quote_bytes(target.data, target.size).text, status, c->body_size);
    s->options.log(s->options.arg, line);
}

static void link_connection(cadre_server *s, connection *c)
{
    c->next = s->first;
    if (c->next) c->next->previous = c;
    s->first = c;
    s->paths.connections++;
}

static void free_connection(cadre_server *s, connection *c)
{
    if (c->previous) c->previous->next = c->next;
    else s->first = c->next;
    if (c->next) c->next->previous = c->previous;
    s->paths.connections--;
    connection_free(c);
}

/* Closes the connection that has been idle for longest. false: there is no idle connection. */
static bool drop_idle(cadre_server *s)
{
    connection *oldest = NULL;
    for (connection *c = s->first; c; c = c->next)
        if (connection_is_idle(c) && (!oldest || c->since < oldest->since)) oldest = c;
    if (!oldest) return false;
    connection_drop(oldest);
    free_connection(s, oldest);
    return true;
}

static void refuse_connection(cadre_server *s, connection *c)
{
    s->stats.connections_refused++;
    on_refused(s, c, 503, "too many connections are open: try again later");
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t socket,
    struct sockaddr *address, int size, void *arg)
{
    cadre_server *s = arg;
    (void)listener, (void)address, (void)size;
    bool full = s->paths.connections >= s->max_connections && !drop_idle(s);
    if (full && s->paths.connections >= s->max_connections + REFUSED_CONNECTIONS) {
        evutil_closesocket(socket);
        s->stats.connections_refused++;
        return;
    }
    connection *c = connection_new(
        s->base, socket, (size_t)s->options.body_limit, s->options.timeout, &s->handlers);
    if (!c) return;
    link_connection(s, c);
    if (full) refuse_connection(s, c);
}

/* Descriptors have run out: new connections wait until the next tick. */
static void on_no_connection(struct evconnlistener *listener, void *arg)
{
    (void)arg;
    evconnlistener_disable(listener);
}

/* ---- the engine ---- */

static void end_with_error(cadre_server *s, cadre_status status, const char *sentence)
{
    if (!s->paths.draining) s->status = cadre_fail(status, NULL, "%s", sentence);
    event_base_loopbreak(s->base);
}

static cadre_status open_with_model(cadre_server *s)
{
    CADRE_TRY(completions_open(&s->completions, s->options.template_name));
    return loads_open(s->engine.batcher, &s->engine.model->config, &s->loads);
}

/* Logs the limits. Each stream has its own context. */
static void log_limits(const cadre_server *s)
{
    const cadre_batcher_limits *l = &s->engine.options.limits;
    char line[256];
    cadre_batcher_cache cache = { .size = sizeof cache };
    if (!s->options.log) return;
    cadre_batcher_cache_get(s->engine.batcher, &cache);
    int64_t context = s->completions.context,
            bytes = cadre_model_cache_bytes(s->engine.model, context) * l->slots +
                    cache.snapshots * cache.snapshot_bytes;
    snprintf(line, sizeof line,
        "%lld streams of up to %lld tokens each, whose caches take up to %.3g GB; %lld more may "
        "wait",
        (long long)l->slots, (long long)context, (double)bytes / 1e9, (long long)l->queue);
    s->options.log(s->options.arg, line);
}

/* Logs the default sampling, if the model's files suggest one. */
static void log_sampling(const cadre_server *s)
{
    char line[256] = "sampling as the model's files say, where a request does not: ";
    const size_t used = strlen(line);
    if (!s->options.log || !s->completions.suggested) return;
    cadre_sampling_words(&s->completions.limits.sampling, line + used, sizeof line - used);
    s->options.log(s->options.arg, line);
}

static void become_ready(cadre_server *s)
{
    s->status = open_with_model(s);
    if (s->status != CADRE_OK) {
        event_base_loopbreak(s->base);
        return;
    }
    s->paths.ready = true;
    log_limits(s);
    log_sampling(s);
    if (s->options.listening) s->options.listening(s->options.arg, s->url);
}

/* ---- shutting down ---- */

static void begin_to_drain(cadre_server *s)
{
    s->paths.draining = true;
    evconnlistener_free(s->listener);
    s->listener = NULL;
    completions_refuse_waiting(&s->completions);
    feed_end(&s->feed);
    for (connection *c = s->first; c; c = c->next)
        if (connection_is_idle(c)) connection_drop(c);
}

/* Whether all running requests have ended and their responses were sent, or a client has not read
 * its response for too long. */
static bool is_drained(cadre_server *s, double now)
{
    if (s->completions.first) return false;
    if (s->drained_since <= 0) s->drained_since = now;
    bool flushed = true;
    for (const connection *c = s->first; c; c = c->next)
        flushed = flushed && connection_is_quiet(c);
    return flushed || now - s->drained_since > FLUSH_SECONDS;
}

static void check_stop(cadre_server *s, double now)
{
    int stops = atomic_load(&s->stops);
    if (!stops) return;
    if (!s->paths.draining) begin_to_drain(s);
    if (stops > 1 || is_drained(s, now)) event_base_loopbreak(s->base);
}

/* Logs that experts were placed anew, or that this failed. */
static void log_placements(cadre_server *s)
{
    char line[160];
    engine_placements now = engine_placements_of(&s->engine);
    bool changed = now.changes > s->placements.changes,
         failed = now.failures > s->placements.failures;
    s->placements = now;
    if (!s->options.log || !(changed || failed)) return;
    if (failed) snprintf(line, sizeof line, "experts could not be placed anew");
    else
        snprintf(line, sizeof line,
            "experts placed anew: the busiest rank has %.2f times the mean, before %.2f", now.after,
            now.before);
    s->options.log(s->options.arg, line);
}

static void on_signal(evutil_socket_t descriptor, short what, void *arg)
{
    cadre_server *s = arg;
    (void)descriptor, (void)what;
    engine_clear_signal(&s->engine);
    check_stop(s, clock_seconds());
    engine_state state = atomic_load(&s->engine.state);
    if (state == ENGINE_READY && !s->paths.ready) become_ready(s);
    worker_collect(&s->worker);
    log_placements(s);
    if (s->paths.ready) completions_poll(&s->completions);
    if (state == ENGINE_FAILED) end_with_error(s, s->engine.status, s->engine.sentence);
}

static void on_tick(evutil_socket_t descriptor, short what, void *arg)
{
    cadre_server *s = arg;
    double now = clock_seconds();
    (void)descriptor, (void)what;
    for (connection *c = s->first, *next; c; c = next) {
        next = c->next;
        connection_check(c, now);
        if (c->phase == CONNECTION_CLOSED) free_connection(s, c);
    }
    if (s->paths.ready) {
        completions_tick(&s->completions, now);
        feed_tick(&s->feed, now);
    }
    if (s->listener) evconnlistener_enable(s->listener);
    check_stop(s, now);
}

void cadre_server_stop(cadre_server *s)
{
    atomic_fetch_add(&s->stops, 1);
    engine_signal(&s->engine);
}

/* ---- opening and closing ---- */

static cadre_status fail_address(const cadre_server *s, const char *why)
{
    cadre_fail(CADRE_EIO, NULL, "%s:%d: expected an address to listen on: %s", s->options.host,
        s->options.port, why);
    return CADRE_EIO;
}

static void name_url(cadre_server *s)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[64] = "", port[16] = "";
    if (getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&address, &size) == 0)
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
            NI_NUMERICHOST | NI_NUMERICSERV);
    s->paths.rules.port = (int)strtol(port, NULL, 10);
    snprintf(
        s->url, sizeof s->url, strchr(host, ':') ? "http://[%s]:%s" : "http://%s:%s", host, port);
}

static cadre_status listen_on(cadre_server *s)
{
    const struct addrinfo hints = {
        .ai_flags = AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM
    };
    struct addrinfo *found;
    char port[16];
    snprintf(port, sizeof port, "%d", s->options.port);
    int failed = getaddrinfo(s->options.host, port, &hints, &found);
    if (failed) return fail_address(s, gai_strerror(failed));
    s->listener = evconnlistener_new_bind(s->base, on_connection, s,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 1024, found->ai_addr,
        (int)found->ai_addrlen);
    freeaddrinfo(found);
    if (!s->listener) return fail_address(s, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    evconnlistener_set_error_cb(s->listener, on_no_connection);
    name_url(s);
    return CADRE_OK;
}

/* The most connections: the limit of descriptors, but for a few that are needed otherwise. */
static int64_t connection_limit(void)
{
    struct rlimit files;
    int64_t most = CONNECTIONS;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < CONNECTIONS + SPARE_FILES)
        most = (int64_t)files.rlim_cur - SPARE_FILES;
    return most > 1 ? most : 1;
}

static cadre_status open_loop(cadre_server *s)
{
    s->base = event_base_new();
    if (!s->base) return cadre_fail(CADRE_ENOMEM, NULL, "out of memory: a loop of events");
    CADRE_TRY(listen_on(s));
    s->signalled = event_new(s->base, s->engine.signal, EV_READ | EV_PERSIST, on_signal, s);
    s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
    if (!s->signalled || !s->tick || event_add(s->signalled, NULL) || event_add(s->tick, &TICK))
        return cadre_fail(CADRE_ENOMEM, NULL, "out of memory: events");
    return CADRE_OK;
}

static void connect_parts(cadre_server *s)
{
    const cadre_server_options *o = &s->options;
    stats_open(&s->stats);
    s->handlers = (connection_handlers){ on_head, on_request, on_refused, on_response, s };
    s->completions = (completions){
        .engine = &s->engine, .stats = &s->stats, .worker = &s->worker, .model_name = o->alias
    };
    s->feed = (feed){ .completions = &s->completions,
        .loads = &s->loads,
        .limits = &s->engine.options.limits,
        .started = clock_seconds() };
    s->paths = (paths_context){ .rules = { .host = o->host, .key = o->key, .cors = o->origin },
        .engine = &s->engine,
        .completions = &s->completions,
        .stats = &s->stats,
        .feed = &s->feed,
        .loads = &s->loads,
        .started = s->feed.started,
        .hang_seconds = HANG_SECONDS,
        .created = file_written(s->engine.options.path) };
    s->max_connections = connection_limit();
}

static cadre_status open_server(cadre_server *s, cadre_context *context, const char *model)
{
    CADRE_TRY(take_options(s, model));
    const cadre_server_options *o = &s->options;
    const engine_options own = { .path = s->engine.options.path,
        .repack = o->repack,
        .cache = o->cache,
        .memory = o->memory,
        .adapter = o->adapter,
        .warm = o->warm,
        .warm_by = o->warm_by,
        .warming = o->warming,
        .warming_arg = o->arg,
        .limits = { .size = sizeof own.limits,
            .slots = o->streams,
            .queue = o->queue,
            .context = o->context },
        .place_every = o->place_every };
    CADRE_TRY(engine_open(context, &own, &s->engine));
    worker_open(&s->engine, &s->worker);
    connect_parts(s);
    return open_loop(s);
}

cadre_status cadre_server_new(cadre_context *context, const char *model,
    const cadre_server_options *options, cadre_server **out)
{
    if (!event_library_is_here())
        return cadre_fail(CADRE_EUNSUPPORTED, NULL,
            "a server: expected a program that is linked with -levent_core, found one without");
    cadre_server *s = MEM_ARRAY(cadre_server, 1);
    if (!s) return CADRE_ENOMEM;
    cadre_status status = sized_read("cadre_server_options", options,
        SIZE_UP_TO(cadre_server_options, arg), &s->options, sizeof s->options);
    if (status == CADRE_OK) status = open_server(s, context, model);
    if (status == CADRE_OK) *out = s;
    else cadre_server_free(s);
    return status;
}

void cadre_server_free(cadre_server *s)
{
    if (!s) return;
    while (s->first) free_connection(s, s->first);
    worker_close(&s->worker);
    if (s->listener) evconnlistener_free(s->listener);
    if (s->signalled) event_free(s->signalled);
    if (s->tick) event_free(s->tick);
    if (s->base) event_base_free(s->base);
    loads_close(&s->loads);
    completions_close(&s->completions);
    engine_close(&s->engine);
    for (int i = 0; i < TEXTS; i++) byte_buffer_free(&s->texts[i]);
    mem_free(s);
}

/* Blocks SIGPIPE in this thread, because a client that disconnects must not end the process. */
static void block_pipe_signal(sigset_t *before)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, before);
}

cadre_status cadre_server_run(cadre_server *s)
{
    sigset_t before;
    CADRE_TRY(engine_start(&s->engine));
    block_pipe_signal(&before);
    event_base_dispatch(s->base);
    for (connection *c = s->first; c; c = c->next) connection_drop(c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return s->status;
}
