/* paths.h - THE LIST of what can be asked for, and who may ask. */
#ifndef CADRE_SERVE_PATHS_H
#define CADRE_SERVE_PATHS_H

#include "serve/access.h"
#include "serve/feed.h"

/* What the paths work with. */
typedef struct paths_room {
    access_rules rules;
    engine *engine; /* borrowed, as all below */
    completions *completions;
    stats *stats;
    feed *feed;
    loads *loads;
    bool ready, draining;
    double started, hang_seconds;
    int64_t connections;
    int64_t created; /* when the model was made, as a client is told */
} paths_room;

/* The connection has the head of a request. false: it was answered, as one that may not be. */
bool paths_heard_head(paths_room *room, connection *c);
/* The connection has a whole request: it is answered, or begun to be. */
void paths_heard(paths_room *room, connection *c);

const char *const *paths_names(void); /* [STATS_PATHS + 1] for metrics; static */

#endif
