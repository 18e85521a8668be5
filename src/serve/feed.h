/* feed.h - what the live page looks at: server-sent events with the server's state, at most two a
 * second, and none to a viewer who does not read. Viewers take no stream; no prompt and no answer
 * is ever in it.
 *
 *     event: snapshot    first, and every five seconds: all there is; "load" is of the last minute
 *     event: delta       between them: the same numbers; "load" is what came since the event before
 *
 * A viewer who asks for one request by its name is told its experts, too, as long as it runs. */
#ifndef CADRE_SERVE_FEED_H
#define CADRE_SERVE_FEED_H

#include "serve/completion.h"
#include "serve/loads.h"

enum { FEED_VIEWERS = 64 };

typedef struct feed_viewer {
    connection *connection; /* NULL: there is none */
    char request[48];       /* whose experts are asked for; "": of none */
} feed_viewer;

typedef struct feed {
    const completions *completions; /* borrowed, as all here */
    loads *loads;
    const cadre_batcher_limits *limits;
    feed_viewer viewers[FEED_VIEWERS];
    double started, next, told; /* when the next event is due; when the last one went out */
    double next_snapshot;
    int64_t prompt_told, generated_told;
    double prompt_rate, generated_rate; /* tokens a second, of late */
    histogram_minute first_token, inter_token;
} feed;

/* A viewer more, who is told the snapshot; request: the name of one, or empty. false: there are too
 * many. */
bool feed_add(feed *f, connection *c, const http_answer *a, string_view request);
void feed_tick(feed *f, double now);
void feed_end(feed *f); /* the viewers' streams */

#endif
