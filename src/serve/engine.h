/* engine.h - the thread that opens the model and computes: it runs passes while there are requests,
 * and does no input or output. Others submit, poll and cancel in its batcher without waiting for
 * it; after each pass it makes a descriptor readable, which the loop waits for. */
#ifndef CADRE_SERVE_ENGINE_H
#define CADRE_SERVE_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cadre/batcher.h"
#include "cadre/evaluate.h"
#include "model/model.h"

typedef enum engine_state { ENGINE_OPENS, ENGINE_READY, ENGINE_FAILED } engine_state;

typedef struct engine_options {
    const char *path; /* of the model; borrowed, as all here */
    bool repack;
    int64_t memory;
    const char *adapter;
    bool warm;           /* before it is ready, by ... */
    const char *warm_by; /* ... this file; NULL: what was kept, and is kept at the end */
    cadre_progress_listener warming; /* NULL: not wanted */
    void *warming_arg;
    const char *cache;           /* format of keys and values; NULL: f32 */
    cadre_batcher_limits limits; /* a context of 0, or beyond the model's own, is its own */
} engine_options;

typedef struct engine {
    cadre_context *context; /* borrowed */
    engine_options options;
    cadre_model *model; /* these two, once it is ready */
    cadre_batcher *batcher;
    _Atomic engine_state state;
    _Atomic double last_pass; /* when it ended, of clock_seconds */
    cadre_status status;      /* of what failed, */
    char sentence[512];       /* and what there is to say */
    int signal;               /* readable after a pass, and when the state has changed */
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool work, stop; /* under the mutex */
} engine;

cadre_status engine_open(cadre_context *context, const engine_options *options, engine *e);
cadre_status engine_start(engine *e);
/* Ends the thread, after the pass that it is in. Fine for one that was not opened or started. */
void engine_close(engine *e);

void engine_signal(engine *e); /* makes the descriptor readable; safe in a signal handler */
void engine_wake(engine *e);   /* there is a request */
void engine_heard(engine *e);  /* the descriptor is no longer readable */

#endif
