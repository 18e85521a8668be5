/* connection.c - a client's connection on libevent's loop and buffers. */
#define _GNU_SOURCE
#include "serve/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum { READ_BYTES = 1 << 16, DISCARDED_MOST = 1 << 26 };
static const double LINGER_SECONDS = 3, IDLE_SECONDS = 60;

static struct evbuffer *input(const connection *c) { return bufferevent_get_input(c->stream); }
static struct evbuffer *output(const connection *c) { return bufferevent_get_output(c->stream); }

static void enter(connection *c, connection_phase phase)
{
    c->phase = phase;
    c->since = clock_seconds();
}

/* ---- the end ---- */

static void notify_disconnected(connection *c)
{
    const connection_callbacks *callbacks = c->callbacks;
    c->callbacks = NULL;
    if (callbacks) callbacks->disconnected(c->callbacks_arg);
}

/* Shuts the socket down at once, because libevent closes it only in the next round of its loop, and
 * after the last round only when the loop is freed. */
void connection_drop(connection *c)
{
    if (c->phase == CONNECTION_CLOSED) return;
    enter(c, CONNECTION_CLOSED);
    notify_disconnected(c);
    event_free(c->closed_event);
    shutdown(bufferevent_getfd(c->stream), SHUT_RDWR);
    bufferevent_free(c->stream);
    c->stream = NULL, c->closed_event = NULL;
    http_reader_free(&c->reader);
}

void connection_free(connection *c)
{
    if (!c) return;
    connection_drop(c);
    mem_free(c);
}

/* Closes only the sending side, so that the client can read the last response before it learns that
 * the rest of its input is discarded. */
static void linger(connection *c)
{
    enter(c, CONNECTION_LINGERING);
    shutdown(bufferevent_getfd(c->stream), SHUT_WR);
    if (c->half_closed) connection_drop(c);
}

static void end(connection *c)
{
    enter(c, CONNECTION_FLUSHING);
    if (!evbuffer_get_length(output(c))) linger(c);
}

static void discard_input(connection *c)
{
    size_t size = evbuffer_get_length(input(c));
    evbuffer_drain(input(c), size);
    c->discarded += size;
    if (c->discarded > DISCARDED_MOST) connection_drop(c);
}

/* ---- reading ---- */

static void handle_state(connection *c)
{
    const connection_handlers *h = c->handlers;
    switch (c->reader.state) {
    case HTTP_READY:
        c->since = clock_seconds();
        if (!h->on_head(h->arg, c) || c->phase != CONNECTION_READING) break;
        if (c->reader.expects_continue && http_reader_has_body(&c->reader))
            bufferevent_write(c->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        http_reader_accept(&c->reader);
        if (c->reader.state == HTTP_COMPLETE) handle_state(c);
        break;
    case HTTP_COMPLETE:
        c->keep_alive = c->reader.keep_alive;
        c->body_size = c->reader.body.size;
        c->arrived = clock_seconds();
        h->on_request(h->arg, c);
        break;
    case HTTP_REFUSED: h->on_refused(h->arg, c, c->reader.status, c->reader.sentence); break;
    case HTTP_HEAD:
    case HTTP_BODY: break;
    }
}

/* Feeds the input to the reader while requests are being read. */
static void read_input(connection *c)
{
    while (c->phase == CONNECTION_READING) {
        size_t size = evbuffer_get_contiguous_space(input(c));
        if (!size) return;
        if (!http_reader_begun(&c->reader)) c->since = clock_seconds();
        const char *data = (const char *)evbuffer_pullup(input(c), (ev_ssize_t)size);
        size_t used = http_reader_take(&c->reader, data, size);
        evbuffer_drain(input(c), used);
        handle_state(c);
    }
}

static void on_read(struct bufferevent *stream, void *arg)
{
    connection *c = arg;
    (void)stream;
    if (c->phase == CONNECTION_READING) read_input(c);
    else if (c->phase == CONNECTION_FLUSHING || c->phase == CONNECTION_LINGERING) discard_input(c);
}

/* ---- writing ---- */

static void on_drained(struct bufferevent *stream, void *arg)
{
    connection *c = arg;
    (void)stream;
    c->progress = clock_seconds();
    if (c->phase == CONNECTION_FLUSHING && !evbuffer_get_length(output(c))) linger(c);
    else if (c->callbacks && c->callbacks->drained) c->callbacks->drained(c->callbacks_arg);
}

static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    connection *c = arg;
    (void)buffer;
    if (info->n_deleted) c->progress = clock_seconds();
    else if (!info->orig_size) c->progress = clock_seconds();
}

/* ---- disconnecting ---- */

/* Called when the client closes its side of the connection. While a response is pending, this
 * counts as a disconnection: ordinary clients do not close one side and go on reading. */
static void on_closed(evutil_socket_t socket, short what, void *arg)
{
    connection *c = arg;
    (void)socket, (void)what;
    c->half_closed = true;
    if (c->callbacks || c->phase == CONNECTION_LINGERING) connection_drop(c);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    connection *c = arg;
    (void)stream;
    c->half_closed = true;
    if (what & BEV_EVENT_ERROR) connection_drop(c);
    else if (what & BEV_EVENT_EOF && c->phase != CONNECTION_FLUSHING) connection_drop(c);
}

/* ---- opening ---- */

static bool set_up(connection *c, struct event_base *base, evutil_socket_t socket)
{
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    c->stream = bufferevent_socket_new(base, socket, BEV_OPT_CLOSE_ON_FREE);
    if (!c->stream) return false;
    c->closed_event = event_new(base, socket, EV_CLOSED, on_closed, c);
    if (!c->closed_event || event_add(c->closed_event, NULL) != 0) return false;
    bufferevent_setcb(c->stream, on_read, on_drained, on_event, c);
    bufferevent_setwatermark(c->stream, EV_READ, 0, READ_BYTES);
    bufferevent_setwatermark(c->stream, EV_WRITE, CONNECTION_HIGH_WATER / 2, 0);
    if (!evbuffer_add_cb(output(c), on_output, c)) return false;
    return bufferevent_enable(c->stream, EV_READ | EV_WRITE) == 0;
}

connection *connection_new(struct event_base *base, evutil_socket_t socket, size_t body_limit,
    double timeout, const connection_handlers *handlers)
{
    connection *c = MEM_ARRAY(connection, 1);
    if (!c) {
        evutil_closesocket(socket);
        return NULL;
    }
    *c = (connection){ .handlers = handlers, .timeout = timeout, .path = -1 };
    c->reader = http_reader_new(body_limit);
    enter(c, CONNECTION_READING);
    if (set_up(c, base, socket)) return c;
    if (c->closed_event) event_free(c->closed_event);
    if (c->stream) bufferevent_free(c->stream);
    else evutil_closesocket(socket);
    mem_free(c);
    return NULL;
}

/* ---- responses ---- */

/* After a response: reads the next request, or closes the connection. */
static void finish(connection *c)
{
    c->callbacks = NULL;
    if (c->phase == CONNECTION_CLOSED) return;
    if (!c->keep_alive || c->half_closed) {
        end(c);
        return;
    }
    bool waits = c->phase == CONNECTION_RESPONDING;
    http_reader_next(&c->reader);
    enter(c, CONNECTION_READING);
    c->path = -1, c->body_size = 0;
    if (waits)
        bufferevent_trigger(
            c->stream, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

/* Sends what the socket takes at once, if nothing waits before it, and leaves the rest to the loop:
 * most pieces are one token, and a round of the loop for each would take time from those who
 * compute. An error is left to the loop, which meets it again. */
static void send_bytes(connection *c, const byte_buffer *out)
{
    ssize_t sent = 0;
    if (!c->stream || !out->size) return;
    if (!evbuffer_get_length(output(c)))
        sent =
            send(bufferevent_getfd(c->stream), out->data, out->size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) c->progress = clock_seconds();
    else sent = 0;
    if ((size_t)sent < out->size)
        bufferevent_write(c->stream, out->data + sent, out->size - (size_t)sent);
}

static void put_head(connection *c, const http_response *a, size_t size, byte_buffer *out)
{
    c->response = *a;
    if (a->close) c->keep_alive = false;
    c->response.close = !c->keep_alive;
    http_response_head(&c->response, size, out);
    c->handlers->on_response(c->handlers->arg, c, a->status);
}

/* Sends a response; only its head if the method is HEAD. */
void connection_respond(connection *c, const http_response *a, const char *body, size_t size)
{
    byte_buffer out = { 0 };
    bool whole = c->reader.state == HTTP_COMPLETE;
    if (c->phase == CONNECTION_CLOSED) return;
    c->keep_alive = c->reader.keep_alive &&
                    (whole || (c->reader.state == HTTP_READY && !http_reader_has_body(&c->reader)));
    put_head(c, a, size, &out);
    if (!string_view_is(c->reader.method, "HEAD") && size) byte_buffer_put(&out, body, size);
    if (out.status == CADRE_OK) send_bytes(c, &out);
    else c->keep_alive = false;
    byte_buffer_free(&out);
    finish(c);
}

void connection_defer(connection *c, const connection_callbacks *callbacks, void *arg)
{
    enter(c, CONNECTION_RESPONDING);
    c->progress = c->since;
    c->callbacks = callbacks, c->callbacks_arg = arg;
}

void connection_begin_stream(connection *c, const http_response *a)
{
    byte_buffer out = { 0 };
    http_response streamed = *a;
    streamed.stream = true;
    streamed.chunked = c->reader.minor == 1;
    if (!streamed.chunked) streamed.close = true;
    put_head(c, &streamed, 0, &out);
    if (out.status == CADRE_OK) send_bytes(c, &out);
    byte_buffer_free(&out);
}

void connection_send_chunk(connection *c, const char *data, size_t size)
{
    byte_buffer out = { 0 };
    http_response_chunk(&c->response, data, size, &out);
    if (out.status == CADRE_OK) send_bytes(c, &out);
    c->out_of_memory |= out.status != CADRE_OK;
    byte_buffer_free(&out);
}

void connection_end_stream(connection *c)
{
    byte_buffer out = { 0 };
    http_response_end(&c->response, &out);
    if (out.status == CADRE_OK) send_bytes(c, &out);
    byte_buffer_free(&out);
    finish(c);
}

bool connection_has_room(const connection *c)
{
    return c->stream && evbuffer_get_length(output(c)) < CONNECTION_HIGH_WATER;
}

/* ---- time-outs ---- */

bool connection_is_quiet(const connection *c)
{
    return !c->stream || (c->phase != CONNECTION_RESPONDING && !evbuffer_get_length(output(c)));
}

bool connection_is_idle(const connection *c)
{
    return c->phase == CONNECTION_READING && !http_reader_begun(&c->reader) &&
           !evbuffer_get_length(output(c));
}

static bool is_stuck(const connection *c, double now)
{
    return evbuffer_get_length(output(c)) && now - c->progress > c->timeout;
}

void connection_check(connection *c, double now)
{
    const connection_handlers *h = c->handlers;
    double age = now - c->since;
    if (c->out_of_memory) connection_drop(c);
    switch (c->phase) {
    case CONNECTION_READING:
        if (is_stuck(c, now)) connection_drop(c);
        else if (http_reader_begun(&c->reader) && age > c->timeout)
            h->on_refused(h->arg, c, 408, "the request: expected all of it before the time-out");
        else if (connection_is_idle(c) && age > c->timeout && age > IDLE_SECONDS)
            connection_drop(c);
        break;
    case CONNECTION_RESPONDING:
    case CONNECTION_FLUSHING:
        if (is_stuck(c, now)) connection_drop(c);
        break;
    case CONNECTION_LINGERING:
        if (age > LINGER_SECONDS) connection_drop(c);
        break;
    case CONNECTION_CLOSED: break;
    }
}
