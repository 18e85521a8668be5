/* connection.c - a socket's life, on libevent's loop and buffers. */
#define _GNU_SOURCE
#include "serve/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { READ_MOST = 1 << 16, THROWN_AWAY_MOST = 1 << 26 };
static const double LINGER_SECONDS = 3, IDLE_SECONDS = 60;

static struct evbuffer *input(const connection *c) { return bufferevent_get_input(c->stream); }
static struct evbuffer *output(const connection *c) { return bufferevent_get_output(c->stream); }

static void enter(connection *c, connection_phase phase)
{
    c->phase = phase;
    c->since = clock_seconds();
}

/* ---- the end ---- */

static void forget_work(connection *c)
{
    const connection_work *work = c->work;
    c->work = NULL;
    if (work) work->left(c->work_arg);
}

/* libevent closes the socket when its loop comes round, and after the last round only with the
 * loop: the client is not to wait for that. */
void connection_drop(connection *c)
{
    if (c->phase == CONNECTION_GONE) return;
    enter(c, CONNECTION_GONE);
    forget_work(c);
    event_free(c->leaving);
    shutdown(bufferevent_getfd(c->stream), SHUT_RDWR);
    bufferevent_free(c->stream);
    c->stream = NULL, c->leaving = NULL;
    http_reader_free(&c->reader);
}

void connection_free(connection *c)
{
    if (!c) return;
    connection_drop(c);
    mem_free(c);
}

/* The client is to read the last answer before it hears that nobody reads what it sent. */
static void linger(connection *c)
{
    enter(c, CONNECTION_LINGERS);
    shutdown(bufferevent_getfd(c->stream), SHUT_WR);
    if (c->half) connection_drop(c);
}

static void end(connection *c)
{
    enter(c, CONNECTION_ENDS);
    if (!evbuffer_get_length(output(c))) linger(c);
}

static void throw_away(connection *c)
{
    size_t size = evbuffer_get_length(input(c));
    evbuffer_drain(input(c), size);
    c->thrown_away += size;
    if (c->thrown_away > THROWN_AWAY_MOST) connection_drop(c);
}

/* ---- reading ---- */

static void hear(connection *c)
{
    const connection_owner *o = c->owner;
    switch (c->reader.state) {
    case HTTP_READY:
        c->since = clock_seconds();
        if (!o->heard_head(o->arg, c) || c->phase != CONNECTION_READS) break;
        if (c->reader.waits && http_reader_has_body(&c->reader))
            bufferevent_write(c->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        http_reader_accept(&c->reader);
        if (c->reader.state == HTTP_WHOLE) hear(c);
        break;
    case HTTP_WHOLE:
        c->keeps = c->reader.keep_alive;
        c->body_size = c->reader.body.size;
        c->arrived = clock_seconds();
        o->heard(o->arg, c);
        break;
    case HTTP_REFUSED: o->refused(o->arg, c, c->reader.status, c->reader.sentence); break;
    case HTTP_HEAD:
    case HTTP_BODY: break;
    }
}

/* What lies there, as long as requests are read. */
static void take_input(connection *c)
{
    while (c->phase == CONNECTION_READS) {
        size_t size = evbuffer_get_contiguous_space(input(c));
        if (!size) return;
        if (!http_reader_begun(&c->reader)) c->since = clock_seconds();
        const char *data = (const char *)evbuffer_pullup(input(c), (ev_ssize_t)size);
        size_t used = http_reader_take(&c->reader, data, size);
        evbuffer_drain(input(c), used);
        hear(c);
    }
}

static void on_read(struct bufferevent *stream, void *arg)
{
    connection *c = arg;
    (void)stream;
    if (c->phase == CONNECTION_READS) take_input(c);
    else if (c->phase == CONNECTION_ENDS || c->phase == CONNECTION_LINGERS) throw_away(c);
}

/* ---- writing ---- */

static void on_drained(struct bufferevent *stream, void *arg)
{
    connection *c = arg;
    (void)stream;
    c->progress = clock_seconds();
    if (c->phase == CONNECTION_ENDS && !evbuffer_get_length(output(c))) linger(c);
    else if (c->work && c->work->drained) c->work->drained(c->work_arg);
}

static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    connection *c = arg;
    (void)buffer;
    if (info->n_deleted) c->progress = clock_seconds();
    else if (!info->orig_size) c->progress = clock_seconds();
}

/* ---- leaving ---- */

/* Whoever waits for an answer has gone, as far as anybody can tell: nobody closes the half of a
 * connection and reads on, but by hand. */
static void on_leaving(evutil_socket_t socket, short what, void *arg)
{
    connection *c = arg;
    (void)socket, (void)what;
    c->half = true;
    if (c->work || c->phase == CONNECTION_LINGERS) connection_drop(c);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    connection *c = arg;
    (void)stream;
    c->half = true;
    if (what & BEV_EVENT_ERROR) connection_drop(c);
    else if (what & BEV_EVENT_EOF && c->phase != CONNECTION_ENDS) connection_drop(c);
}

/* ---- made ---- */

static bool set_up(connection *c, struct event_base *base, evutil_socket_t socket)
{
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    c->stream = bufferevent_socket_new(base, socket, BEV_OPT_CLOSE_ON_FREE);
    if (!c->stream) return false;
    c->leaving = event_new(base, socket, EV_CLOSED, on_leaving, c);
    if (!c->leaving || event_add(c->leaving, NULL) != 0) return false;
    bufferevent_setcb(c->stream, on_read, on_drained, on_event, c);
    bufferevent_setwatermark(c->stream, EV_READ, 0, READ_MOST);
    bufferevent_setwatermark(c->stream, EV_WRITE, CONNECTION_MARK / 2, 0);
    if (!evbuffer_add_cb(output(c), on_output, c)) return false;
    return bufferevent_enable(c->stream, EV_READ | EV_WRITE) == 0;
}

connection *connection_new(struct event_base *base, evutil_socket_t socket, size_t body_limit,
    double timeout, const connection_owner *owner)
{
    connection *c = MEM_ARRAY(connection, 1);
    if (!c) {
        evutil_closesocket(socket);
        return NULL;
    }
    *c = (connection){ .owner = owner, .timeout = timeout, .path = -1 };
    c->reader = http_reader_new(body_limit);
    enter(c, CONNECTION_READS);
    if (set_up(c, base, socket)) return c;
    if (c->leaving) event_free(c->leaving);
    if (c->stream) bufferevent_free(c->stream);
    else evutil_closesocket(socket);
    mem_free(c);
    return NULL;
}

/* ---- answering ---- */

/* What follows on the connection is read, or it ends. */
static void finish(connection *c)
{
    c->work = NULL;
    if (c->phase == CONNECTION_GONE) return;
    if (!c->keeps || c->half) {
        end(c);
        return;
    }
    bool waits = c->phase == CONNECTION_ANSWERS;
    http_reader_next(&c->reader);
    enter(c, CONNECTION_READS);
    c->path = -1, c->body_size = 0;
    if (waits)
        bufferevent_trigger(
            c->stream, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static void put_head(connection *c, const http_answer *a, size_t size, byte_buffer *out)
{
    c->answer = *a;
    if (a->close) c->keeps = false;
    c->answer.close = !c->keeps;
    http_answer_head(&c->answer, size, out);
    c->owner->answered(c->owner->arg, c, a->status);
}

/* Asked by HEAD, it is the head alone. */
void connection_answer(connection *c, const http_answer *a, const char *body, size_t size)
{
    byte_buffer out = { 0 };
    bool whole = c->reader.state == HTTP_WHOLE;
    if (c->phase == CONNECTION_GONE) return;
    c->keeps = c->reader.keep_alive &&
               (whole || (c->reader.state == HTTP_READY && !http_reader_has_body(&c->reader)));
    put_head(c, a, size, &out);
    if (!string_view_is(c->reader.method, "HEAD") && size) byte_buffer_put(&out, body, size);
    if (out.status == CADRE_OK) bufferevent_write(c->stream, out.data, out.size);
    else c->keeps = false;
    byte_buffer_free(&out);
    finish(c);
}

void connection_begin(connection *c, const connection_work *work, void *arg)
{
    enter(c, CONNECTION_ANSWERS);
    c->progress = c->since;
    c->work = work, c->work_arg = arg;
}

void connection_stream(connection *c, const http_answer *a)
{
    byte_buffer out = { 0 };
    http_answer said = *a;
    said.stream = true;
    said.chunked = c->reader.minor == 1;
    if (!said.chunked) said.close = true;
    put_head(c, &said, 0, &out);
    if (out.status == CADRE_OK) bufferevent_write(c->stream, out.data, out.size);
    byte_buffer_free(&out);
}

void connection_put(connection *c, const char *data, size_t size)
{
    byte_buffer out = { 0 };
    http_answer_chunk(&c->answer, data, size, &out);
    if (out.status == CADRE_OK && out.size) bufferevent_write(c->stream, out.data, out.size);
    c->lost |= out.status != CADRE_OK;
    byte_buffer_free(&out);
}

void connection_end(connection *c)
{
    byte_buffer out = { 0 };
    http_answer_end(&c->answer, &out);
    if (out.status == CADRE_OK && out.size) bufferevent_write(c->stream, out.data, out.size);
    byte_buffer_free(&out);
    finish(c);
}

bool connection_has_room(const connection *c)
{
    return c->stream && evbuffer_get_length(output(c)) < CONNECTION_MARK;
}

/* ---- time ---- */

bool connection_is_quiet(const connection *c)
{
    return !c->stream || (c->phase != CONNECTION_ANSWERS && !evbuffer_get_length(output(c)));
}

bool connection_is_idle(const connection *c)
{
    return c->phase == CONNECTION_READS && !http_reader_begun(&c->reader) &&
           !evbuffer_get_length(output(c));
}

static bool is_stuck(const connection *c, double now)
{
    return evbuffer_get_length(output(c)) && now - c->progress > c->timeout;
}

void connection_check(connection *c, double now)
{
    const connection_owner *o = c->owner;
    double age = now - c->since;
    if (c->lost) connection_drop(c);
    switch (c->phase) {
    case CONNECTION_READS:
        if (is_stuck(c, now)) connection_drop(c);
        else if (http_reader_begun(&c->reader) && age > c->timeout)
            o->refused(o->arg, c, 408, "the request: expected all of it in time");
        else if (connection_is_idle(c) && age > c->timeout && age > IDLE_SECONDS)
            connection_drop(c);
        break;
    case CONNECTION_ANSWERS:
    case CONNECTION_ENDS:
        if (is_stuck(c, now)) connection_drop(c);
        break;
    case CONNECTION_LINGERS:
        if (age > LINGER_SECONDS) connection_drop(c);
        break;
    case CONNECTION_GONE: break;
    }
}
