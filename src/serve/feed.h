/* feed.h - the feed of the live page: server-sent events with the server's state, at most two a
 * second. A viewer who does not read gets none. Viewers take no stream of the server, and no prompt
 * or answer is ever in the feed.
 *
 *     event: snapshot    first, and every five seconds: the whole state; "load" covers the last
 *                        minute
 *     event: delta       in between: the same members, but "load" covers the time since the last
 *                        event
 *
 * A viewer who asks for a request by its id also gets that request's load while it runs. */
#ifndef CADRE_SERVE_FEED_H
#define CADRE_SERVE_FEED_H

#include "serve/completion.h"
#include "serve/loads.h"

enum { FEED_VIEWERS = 64 };

typedef struct feed_viewer {
    connection *connection; /* NULL: this place is free */
    char request[48];       /* the request whose load is wanted; "": none */
} feed_viewer;

typedef struct feed {
    const completions *completions; /* borrowed, as all pointers here */
    loads *loads;
    const cadre_batcher_limits *limits;
    feed_viewer viewers[FEED_VIEWERS];
    double started, next, last_event; /* when the next event is due; when the last one was sent */
    double next_snapshot;
    int64_t prompt_counted, generated_counted;
    double prompt_rate, generated_rate; /* tokens per second since the last event */
    histogram_minute first_token, inter_token;
} feed;

/* Adds a viewer and sends the first snapshot. request: the id of a request, or empty. false: there
 * are too many viewers. */
bool feed_add(feed *f, connection *c, const http_response *a, string_view request);
void feed_tick(feed *f, double now);
void feed_end(feed *f); /* ends the viewers' streams */

#endif
