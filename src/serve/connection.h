/* connection.h - one client: bytes in and out on a buffered socket, one request after another.
 *
 *     READS      the reader takes what comes; a whole request goes to the owner
 *     ANSWERS    nothing more is read until the owner has answered; what the client sends meanwhile
 *                waits, and that it leaves is seen at once
 *     ENDS       the last answer goes out
 *     LINGERS    what still comes is thrown away for a while, so that the answer is not lost
 *
 * Everything has a time: a head and a body as a whole, a reader that does not read, an end. The
 * loop's thread alone uses connections. One that is dropped is closed at once, and freed when the
 * loop comes round. */
#ifndef CADRE_SERVE_CONNECTION_H
#define CADRE_SERVE_CONNECTION_H

#include "serve/event_library.h"
#include "serve/http_answer.h"
#include "serve/http_reader.h"

struct event_base;
struct bufferevent;
struct event;

enum { CONNECTION_MARK = 1 << 18 }; /* bytes that wait to go out: above it nothing is added */

typedef enum connection_phase {
    CONNECTION_READS,
    CONNECTION_ANSWERS,
    CONNECTION_ENDS,
    CONNECTION_LINGERS,
    CONNECTION_GONE
} connection_phase;

typedef struct connection connection;

/* What happens, told to whoever owns the connections. */
typedef struct connection_owner {
    /* The head of a request is there. false: it was answered, without its body */
    bool (*heard_head)(void *arg, connection *c);
    void (*heard)(void *arg, connection *c); /* a whole request */
    /* What cannot be read as a request, or did not come in time: an answer is to be sent */
    void (*refused)(void *arg, connection *c, int status, const char *sentence);
    void (*answered)(void *arg, connection *c, int status); /* or begun to be */
    void *arg;
} connection_owner;

/* An answer that takes its time, and what becomes of it. */
typedef struct connection_work {
    void (*left)(void *work);    /* the client has gone: no one is answered any more */
    void (*drained)(void *work); /* there is room for more to go out */
} connection_work;

struct connection {
    const connection_owner *owner; /* borrowed */
    struct bufferevent *stream;
    struct event *leaving; /* the client has closed, or its half */
    http_reader reader;
    connection_phase phase;
    double timeout;     /* seconds */
    double since;       /* when the head began, the body, or the phase */
    double progress;    /* when bytes went out last */
    bool half;          /* the client sends no more */
    bool keeps;         /* another request may follow this answer */
    bool lost;          /* there was no memory for a part of the answer */
    http_answer answer; /* of a stream: what its head said */
    const connection_work *work;
    void *work_arg;
    int path;           /* of the request, in the owner's list; -1: not known */
    size_t body_size;   /* of the request */
    double arrived;     /* when the request was whole */
    size_t thrown_away; /* bytes, while it lingers */
    connection *next, *before;
};

/* Of a socket that was accepted, which it owns. timeout: seconds. NULL: no memory, and the socket
 * is closed. */
connection *connection_new(struct event_base *base, evutil_socket_t socket, size_t body_limit,
    double timeout, const connection_owner *owner);
void connection_free(connection *c);

/* At once, without another byte; its work hears of it. */
void connection_drop(connection *c);

/* An answer with its body; what follows on the connection is read. */
void connection_answer(connection *c, const http_answer *a, const char *body, size_t size);

/* An answer that takes its time: begun with this, ended with connection_answer or
 * connection_end. */
void connection_begin(connection *c, const connection_work *work, void *arg);
void connection_stream(connection *c, const http_answer *a); /* its head */
void connection_put(connection *c, const char *data, size_t size);
void connection_end(connection *c);

/* Whether more may go out. */
bool connection_has_room(const connection *c);

/* Whether nothing is being answered, and all that was answered has gone out. */
bool connection_is_quiet(const connection *c);
/* Whether it is between two requests, and may be closed for others. */
bool connection_is_idle(const connection *c);

/* What has taken too long. */
void connection_check(connection *c, double now);

#endif
