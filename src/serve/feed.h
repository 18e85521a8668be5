/* feed.h - what the live page looks at: server-sent events with the server's state, at most two a
 * second, and none to a viewer who does not read. Viewers take no stream; no prompt and no answer
 * is ever in it.
 *
 *     event: snapshot    once: all there is; "load" is of the last minute
 *     event: delta       then: the same numbers; "load" is what came since the event before */
#ifndef CADRE_SERVE_FEED_H
#define CADRE_SERVE_FEED_H

#include "serve/completion.h"
#include "serve/loads.h"

enum { FEED_VIEWERS = 64 };

typedef struct feed {
    const completions *completions; /* borrowed, as all here */
    loads *loads;
    const cadre_batcher_limits *limits;
    connection *viewers[FEED_VIEWERS];
    int viewer_count;
    double started, next, told; /* when the next delta is due; when the last one went out */
    int64_t prompt_told, generated_told;
    double prompt_rate, generated_rate; /* tokens a second, of late */
} feed;

/* A viewer more, who is told the snapshot. false: there are too many. */
bool feed_add(feed *f, connection *c, const http_answer *a);
void feed_tick(feed *f, double now);
void feed_end(feed *f); /* the viewers' streams */

#endif
