/* worker.h - a thread for what takes longer than the loop may wait: large bodies are read and
 * turned into tokens there, and schemas are compiled, one after another. What is small and quick is
 * done at once, by the thread that gives it.
 *
 * A job lies in what it is about, which stays until it is told that the job is done: also where the
 * client has left meanwhile. */
#ifndef CADRE_SERVE_WORKER_H
#define CADRE_SERVE_WORKER_H

#include "serve/engine.h"

enum { WORKER_SMALL = 1 << 14 }; /* bytes that are worked on at once */

typedef struct worker_job {
    void (*work)(void *arg); /* by the worker */
    void (*done)(void *arg); /* afterwards, by the loop's thread; the job may be gone then */
    void *arg;
    size_t bytes;          /* that it holds until it is done */
    bool aside;            /* it takes long, however little it holds */
    _Atomic bool unwanted; /* nobody waits any more: it need not be worked on */
    struct worker_job *next;
} worker_job;

typedef struct worker_list {
    worker_job *first, *last; /* in the order in which they came */
} worker_list;

typedef struct worker {
    engine *engine; /* borrowed: its descriptor tells the loop that there is something to collect */
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    worker_list waiting, finished; /* under the mutex, as below */
    bool stop;
    size_t bytes; /* of jobs that were given and are not done; the loop's */
} worker;

void worker_open(engine *e, worker *w);
/* Ends the thread after the job that it is at; jobs that are left are told that they are done. Fine
 * for one that was not opened. */
void worker_close(worker *w);

/* The job is worked on now, if it holds little and is not aside, or later. */
void worker_give(worker *w, worker_job *job);
/* Tells of what has been done since. */
void worker_collect(worker *w);

#endif
