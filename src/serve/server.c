/* server.c - the loop: who connects, what the engine signals, what time it is; and the end.
 *
 * One thread runs the loop and does all input and output; the engine's thread computes. */
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
#include "serve/reply.h"

enum { BODIES = 1 << 28 }; /* bytes of all bodies together */
enum { STREAMS = 8, QUEUE = 64, BODY = 8 << 20, CONNECTIONS = 4096, SPARE_FILES = 64, TURNED = 32 };
static const double TIMEOUT = 60, HANG_SECONDS = 120, FLUSH_SECONDS = 5;
static const struct timeval TICK = { .tv_usec = 100000 };

struct cadre_server {
    cadre_server_options options; /* with texts of its own, in `texts` */
    byte_buffer texts[7];
    char url[96];
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *signalled, *tick;
    engine engine;
    stats stats;
    worker worker;
    completions completions;
    loads loads;
    feed feed;
    paths_room room;
    connection_owner owner;
    connection *first; /* newest first */
    int64_t most;      /* connections */
    _Atomic int stops; /* how often it was asked to stop */
    double drained;    /* when there was nothing left to do; 0: there is */
    cadre_status status;
};

/* ---- what is asked for ---- */

static const char *keep(byte_buffer *own, const char *text)
{
    if (!text) return NULL;
    byte_buffer_put(own, text, strlen(text));
    return own->data;
}

/* "models/Qwen3-30B-A3B-Q4_K_M.gguf" goes by the name of the file without its end. */
static const char *keep_alias(byte_buffer *own, const char *path)
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
    o->host = keep(&texts[0], o->host ? o->host : "127.0.0.1");
    o->alias = o->alias ? keep(&texts[1], o->alias) : keep_alias(&texts[1], model);
    o->key = keep(&texts[2], o->key);
    o->origin = keep(&texts[3], o->origin);
    o->template_name = keep(&texts[4], o->template_name);
    s->engine.options.path = keep(&texts[5], model);
    o->cache = keep(&texts[6], o->cache);
    for (int i = 0; i < 7; i++) CADRE_TRY(texts[i].status);
    if (!o->streams) o->streams = STREAMS;
    o->queue = o->queue < 0 ? 0 : o->queue ? o->queue : QUEUE;
    if (o->timeout <= 0) o->timeout = TIMEOUT;
    if (!o->body_limit) o->body_limit = BODY;
    return check_options(o);
}

/* ---- connections ---- */

/* Bytes of bodies that are held, or may come, on all connections. */
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

static bool hears_head(void *arg, connection *c)
{
    cadre_server *s = arg;
    if (!paths_heard_head(&s->room, c)) return false;
    if (!http_reader_has_body(&c->reader) || bytes_of_bodies(s) <= BODIES) return true;
    api_error e = api_error_new(503, NULL, NULL, "too many requests are on their way");
    reply_error(c, &e, NULL);
    return false;
}

static void hears(void *arg, connection *c) { paths_heard(&((cadre_server *)arg)->room, c); }

static void refuses(void *arg, connection *c, int status, const char *sentence)
{
    (void)arg;
    api_error e = api_error_new(status, NULL, NULL, "%s", sentence);
    c->keeps = false;
    reply_error(c, &e, NULL);
}

/* The line holds nothing that a client could forge a line with. */
static void answered(void *arg, connection *c, int status)
{
    cadre_server *s = arg;
    char line[256];
    const http_reader *r = &c->reader;
    stats_count_request(&s->stats, c->path, status);
    if (s->room.draining) c->keeps = false;
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
    if (c->next) c->next->before = c;
    s->first = c;
    s->room.connections++;
}

static void free_connection(cadre_server *s, connection *c)
{
    if (c->before) c->before->next = c->next;
    else s->first = c->next;
    if (c->next) c->next->before = c->before;
    s->room.connections--;
    connection_free(c);
}

/* The idle connection that is the oldest of these makes room. false: there is none. */
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

static void turn_away(cadre_server *s, connection *c)
{
    s->stats.connections_refused++;
    refuses(s, c, 503, "too many connections are open: try again later");
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t socket,
    struct sockaddr *address, int size, void *arg)
{
    cadre_server *s = arg;
    (void)listener, (void)address, (void)size;
    bool full = s->room.connections >= s->most && !drop_idle(s);
    if (full && s->room.connections >= s->most + TURNED) {
        evutil_closesocket(socket);
        s->stats.connections_refused++;
        return;
    }
    connection *c = connection_new(
        s->base, socket, (size_t)s->options.body_limit, s->options.timeout, &s->owner);
    if (!c) return;
    link_connection(s, c);
    if (full) turn_away(s, c);
}

/* Descriptors have run out: those that connect wait until the next tick. */
static void on_no_connection(struct evconnlistener *listener, void *arg)
{
    (void)arg;
    evconnlistener_disable(listener);
}

/* ---- the engine ---- */

static void give_up(cadre_server *s, cadre_status status, const char *sentence)
{
    if (!s->room.draining) s->status = cadre_fail(status, NULL, "%s", sentence);
    event_base_loopbreak(s->base);
}

static cadre_status open_rooms(cadre_server *s)
{
    CADRE_TRY(completions_open(&s->completions, s->options.template_name));
    return loads_open(s->engine.batcher, &s->engine.model->config, &s->loads);
}

/* What the server will take at most: streams do not share a context. */
static void tell_bounds(const cadre_server *s)
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
        "%lld streams of up to %lld tokens each, whose caches take up to %.3g GB; %lld texts may "
        "wait",
        (long long)l->slots, (long long)context, (double)bytes / 1e9, (long long)l->queue);
    s->options.log(s->options.arg, line);
}

/* How requests that say nothing of it are sampled, where the model's files say it. */
static void tell_sampling(const cadre_server *s)
{
    char line[256] = "sampling as the model's files say, where a request does not: ";
    const size_t used = strlen(line);
    if (!s->options.log || !s->completions.suggested) return;
    cadre_sampling_words(&s->completions.limits.sampling, line + used, sizeof line - used);
    s->options.log(s->options.arg, line);
}

static void become_ready(cadre_server *s)
{
    s->status = open_rooms(s);
    if (s->status != CADRE_OK) {
        event_base_loopbreak(s->base);
        return;
    }
    s->room.ready = true;
    tell_bounds(s);
    tell_sampling(s);
    if (s->options.listening) s->options.listening(s->options.arg, s->url);
}

/* ---- the end ---- */

static void begin_to_drain(cadre_server *s)
{
    s->room.draining = true;
    evconnlistener_free(s->listener);
    s->listener = NULL;
    completions_refuse_waiting(&s->completions);
    feed_end(&s->feed);
    for (connection *c = s->first; c; c = c->next)
        if (connection_is_idle(c)) connection_drop(c);
}

/* What runs has been told to its end, or its client does not read. */
static bool is_drained(cadre_server *s, double now)
{
    if (s->completions.first) return false;
    if (s->drained <= 0) s->drained = now;
    bool flushed = true;
    for (const connection *c = s->first; c; c = c->next)
        flushed = flushed && connection_is_quiet(c);
    return flushed || now - s->drained > FLUSH_SECONDS;
}

static void look_for_the_end(cadre_server *s, double now)
{
    int stops = atomic_load(&s->stops);
    if (!stops) return;
    if (!s->room.draining) begin_to_drain(s);
    if (stops > 1 || is_drained(s, now)) event_base_loopbreak(s->base);
}

static void on_signal(evutil_socket_t descriptor, short what, void *arg)
{
    cadre_server *s = arg;
    (void)descriptor, (void)what;
    engine_heard(&s->engine);
    look_for_the_end(s, clock_seconds());
    engine_state state = atomic_load(&s->engine.state);
    if (state == ENGINE_READY && !s->room.ready) become_ready(s);
    worker_collect(&s->worker);
    if (s->room.ready) completions_hear(&s->completions);
    if (state == ENGINE_FAILED) give_up(s, s->engine.status, s->engine.sentence);
}

static void on_tick(evutil_socket_t descriptor, short what, void *arg)
{
    cadre_server *s = arg;
    double now = clock_seconds();
    (void)descriptor, (void)what;
    for (connection *c = s->first, *next; c; c = next) {
        next = c->next;
        connection_check(c, now);
        if (c->phase == CONNECTION_GONE) free_connection(s, c);
    }
    if (s->room.ready) {
        completions_tick(&s->completions, now);
        feed_tick(&s->feed, now);
    }
    if (s->listener) evconnlistener_enable(s->listener);
    look_for_the_end(s, now);
}

void cadre_server_stop(cadre_server *s)
{
    atomic_fetch_add(&s->stops, 1);
    engine_signal(&s->engine);
}

/* ---- made and let go ---- */

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
    s->room.rules.port = (int)strtol(port, NULL, 10);
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

/* Descriptors are for connections, but for a few. */
static int64_t most_connections(void)
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

static void connect_rooms(cadre_server *s)
{
    const cadre_server_options *o = &s->options;
    stats_open(&s->stats);
    s->owner = (connection_owner){ hears_head, hears, refuses, answered, s };
    s->completions = (completions){
        .engine = &s->engine, .stats = &s->stats, .worker = &s->worker, .model_name = o->alias
    };
    s->feed = (feed){ .completions = &s->completions,
        .loads = &s->loads,
        .limits = &s->engine.options.limits,
        .started = clock_seconds() };
    s->room = (paths_room){ .rules = { .host = o->host, .key = o->key, .cors = o->origin },
        .engine = &s->engine,
        .completions = &s->completions,
        .stats = &s->stats,
        .feed = &s->feed,
        .loads = &s->loads,
        .started = s->feed.started,
        .hang_seconds = HANG_SECONDS,
        .created = file_written(s->engine.options.path) };
    s->most = most_connections();
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
            .context = o->context } };
    CADRE_TRY(engine_open(context, &own, &s->engine));
    worker_open(&s->engine, &s->worker);
    connect_rooms(s);
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
    for (int i = 0; i < 7; i++) byte_buffer_free(&s->texts[i]);
    mem_free(s);
}

/* A client that goes while it is written to is no reason to end: its signal is not for this
 * thread. */
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
