/* connection.h - one client's connection: input and output on a buffered socket, one request after
 * another.
 *
 *     READING     the reader takes the input; a whole request goes to the server's handlers
 *     RESPONDING  nothing more is read until the response has been sent; further input waits, but a
 *                 disconnection is noticed at once
 *     FLUSHING    the last response is being sent
 *     LINGERING   further input is discarded for a while, so that the client can read the response
 *     CLOSED      the connection is freed when the loop comes to it
 *
 * Everything has a time-out: the head, the body, a client that does not read, and lingering. Only
 * the loop's thread uses connections. */
#ifndef CADRE_SERVE_CONNECTION_H
#define CADRE_SERVE_CONNECTION_H

#include "serve/event_library.h"
#include "serve/http_response.h"
#include "serve/http_reader.h"

struct event_base;
struct bufferevent;
struct event;

/* high-water mark: bytes of output above which a stream adds nothing */
enum { CONNECTION_HIGH_WATER = 1 << 18 };

typedef enum connection_phase {
    CONNECTION_READING,
    CONNECTION_RESPONDING,
    CONNECTION_FLUSHING,
    CONNECTION_LINGERING,
    CONNECTION_CLOSED
} connection_phase;

typedef struct connection connection;

/* Functions of the server that connections call. */
typedef struct connection_handlers {
    /* The head of a request has arrived. false: it was answered, without its body */
    bool (*on_head)(void *arg, connection *c);
    void (*on_request)(void *arg, connection *c); /* a whole request has arrived */
    /* The input is no valid request, or did not arrive in time: the function sends an error */
    void (*on_refused)(void *arg, connection *c, int status, const char *sentence);
    /* the head of a response is being sent */
    void (*on_response)(void *arg, connection *c, int status);
    void *arg;
} connection_handlers;

/* Functions for a response that is sent later or in pieces. */
typedef struct connection_callbacks {
    void (*disconnected)(void *arg); /* the client has disconnected: nothing may be sent any more */
    void (*drained)(void *arg);      /* enough output was sent that more may be added */
} connection_callbacks;

struct connection {
    const connection_handlers *handlers; /* borrowed */
    struct bufferevent *stream;
    struct event *closed_event; /* fires when the client closes its side or the whole connection */
    http_reader reader;
    connection_phase phase;
    double timeout;         /* seconds */
    double since;           /* when the head, the body or the phase began */
    double progress;        /* when bytes were last sent */
    bool half_closed;       /* the client has closed its side */
    bool keep_alive;        /* another request may follow this response */
    bool out_of_memory;     /* there was no memory for a part of the response */
    http_response response; /* the head of a streamed response */
    const connection_callbacks *callbacks;
    void *callbacks_arg;
    int path;         /* index of the request's path in THE LIST of paths; -1: unknown */
    size_t body_size; /* bytes of the request's body */
    double arrived;   /* when the whole request had arrived */
    size_t discarded; /* bytes that were discarded while lingering */
    connection *next, *previous;
};

/* Makes a connection from an accepted socket, which it owns. timeout: seconds. NULL: out of memory,
 * and the socket is closed. */
connection *connection_new(struct event_base *base, evutil_socket_t socket, size_t body_limit,
    double timeout, const connection_handlers *handlers);
void connection_free(connection *c);

/* Closes the connection at once, without sending another byte, and calls `disconnected`. */
void connection_drop(connection *c);

/* Sends a whole response. Then the next request is read. */
void connection_respond(connection *c, const http_response *a, const char *body, size_t size);

/* Announces a response that is sent later: with connection_respond, or as a stream that
 * connection_end_stream ends. */
void connection_defer(connection *c, const connection_callbacks *callbacks, void *arg);
void connection_begin_stream(connection *c, const http_response *a); /* sends the head */
void connection_send_chunk(connection *c, const char *data, size_t size);
void connection_end_stream(connection *c);

/* Whether the output is below the high-water mark, so that more may be added. */
bool connection_has_room(const connection *c);

/* Whether no response is pending and all output has been sent. */
bool connection_is_quiet(const connection *c);
/* Whether the connection is between two requests, so that it may be closed to make room for
 * others. */
bool connection_is_idle(const connection *c);

/* Closes the connection, or refuses its request, if something has taken too long. */
void connection_check(connection *c, double now);

#endif
