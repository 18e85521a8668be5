/* worker.h - a thread for jobs that would block the loop for too long: it reads and tokenizes large
 * bodies and compiles schemas, one job after another. A small, fast job is run at once by the
 * thread that submits it.
 *
 * A job is a member of the struct that it works on. That struct must stay until the job is done,
 * even if the client has disconnected. */
#ifndef CADRE_SERVE_WORKER_H
#define CADRE_SERVE_WORKER_H

#include "serve/engine.h"

enum { WORKER_INLINE_BYTES = 1 << 14 }; /* bytes of a body that is handled at once */

typedef struct worker_job {
    void (*work)(void *arg); /* called by the worker's thread */
    void (*done)(void *arg); /* then called by the loop's thread; it may free the job */
    void *arg;
    size_t bytes;           /* bytes that the job holds until it is done */
    bool slow;              /* it may take long, however small it is */
    _Atomic bool cancelled; /* nobody waits for it any more: `work` need not be called */
    struct worker_job *next;
} worker_job;

typedef struct worker_list {
    worker_job *first, *last; /* in the order in which they were submitted */
} worker_list;

typedef struct worker {
    engine *engine; /* borrowed; its descriptor wakes the loop when a job is done */
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    worker_list waiting, finished; /* protected by the mutex, as is `stop` */
    bool stop;
    size_t bytes; /* bytes of unfinished jobs; used only by the loop's thread */
} worker;

void worker_open(engine *e, worker *w);
/* Ends the thread after its current job, and calls `done` for all jobs that are left. A worker that
 * was not opened may be closed too. */
void worker_close(worker *w);

/* Runs the job now if it is small and not slow, or later in the thread. */
void worker_submit(worker *w, worker_job *job);
/* Calls `done` for all jobs that have finished since the last call. */
void worker_collect(worker *w);

#endif
