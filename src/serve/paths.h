/* paths.h - THE LIST of paths that the server has, and the checks of each request. */
#ifndef CADRE_SERVE_PATHS_H
#define CADRE_SERVE_PATHS_H

#include "serve/access.h"
#include "serve/feed.h"

/* What the handlers of paths need. */
typedef struct paths_context {
    access_rules rules;
    engine *engine; /* borrowed, as all pointers below */
    completions *completions;
    stats *stats;
    feed *feed;
    loads *loads;
    bool ready, draining;
    double started, hang_seconds;
    int64_t connections;
    int64_t created; /* "created" of the model: when its file was written */
} paths_context;

/* Called when the head of a request has arrived. false: the request was refused, and an error was
 * sent. */
bool paths_on_head(paths_context *context, connection *c);
/* Called when a whole request has arrived: sends a response, or begins one. */
void paths_on_request(paths_context *context, connection *c);

const char *const *paths_names(void); /* [STATS_PATHS + 1] names for metrics; static */

#endif
