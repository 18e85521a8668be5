/* engine.h - the thread that opens the model and computes. It runs passes while there are requests,
 * and does no input or output. Other threads submit, poll and cancel requests in its batcher
 * without waiting for a pass. After each pass the engine makes a descriptor readable, for which the
 * server's loop waits. */
#ifndef CADRE_SERVE_ENGINE_H
#define CADRE_SERVE_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cadre/batcher.h"
#include "cadre/evaluate.h"
#include "model/model.h"

typedef enum engine_state { ENGINE_OPENS, ENGINE_READY, ENGINE_FAILED } engine_state;

typedef struct engine_options {
    const char *path; /* the model's path; borrowed, as all pointers here */
    bool repack;
    int64_t memory;
    const char *adapter;
    bool warm; /* before it is ready, it reads the experts that ... */
    /* ... this file says were used most; NULL: that earlier servers used most (their counts are
     * also updated at the end) */
    const char *warm_by;
    cadre_progress_listener warming; /* NULL: progress is not reported */
    void *warming_arg;
    const char *cache; /* the format of keys and values; NULL: f32 */
    /* a context of 0, or above the model's own, means the model's own */
    cadre_batcher_limits limits;
    /* seconds between two placements of the experts that ranks divide; 0: they stay where they
     * are */
    double place_every;
} engine_options;

/* How often experts were placed anew, and the balance at the last try (cadre_placed). */
typedef struct engine_placements {
    int64_t changes, failures;
    double before, after;
} engine_placements;

typedef struct engine {
    cadre_context *context; /* borrowed */
    engine_options options;
    cadre_model *model; /* these two are valid once the engine is ready */
    cadre_batcher *batcher;
    _Atomic engine_state state;
    _Atomic double last_pass; /* when the last pass ended, by clock_seconds */
    cadre_status status;      /* why it failed: */
    char sentence[512];       /* the error message */
    int signal;               /* eventfd; readable after a pass, and after a change of state */
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool work, stop; /* protected by the mutex, as is `placements` */
    engine_placements placements;
    double placed; /* when placing was last tried; used only by the engine's thread */
} engine;

cadre_status engine_open(cadre_context *context, const engine_options *options, engine *e);
cadre_status engine_start(engine *e);
/* Ends the thread after its current pass. An engine that was not opened or started may be closed
 * too. */
void engine_close(engine *e);

engine_placements engine_placements_of(engine *e); /* may be called by any thread */

void engine_signal(engine *e);       /* makes the descriptor readable; safe in a signal handler */
void engine_wake(engine *e);         /* there is a new request */
void engine_clear_signal(engine *e); /* makes the descriptor unreadable again */

#endif
