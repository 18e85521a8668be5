/* read_queue.h - many reads in flight at once, which finish in any order.
 *
 *     demanded   start at once, up to `depth` of them
 *     ahead      start only while no demanded read waits, and few reads are in flight
 *
 * One thread submits and waits. The reads themselves are done by an engine: a row of
 * read_engine_list, or a test's own. A read that comes short or was interrupted goes on where it
 * stopped. */
#ifndef CADRE_BASE_READ_QUEUE_H
#define CADRE_BASE_READ_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/direct_file.h"

typedef struct read_queue read_queue;

/* One read. Offset, bytes and address are multiples of DIRECT_PAGE. */
typedef struct read_job {
    const direct_file *file;
    int64_t offset, bytes;
    int64_t least; /* bytes that must arrive: a file may end within its last page */
    uint8_t *to;
    bool ahead;
    void *owner; /* the caller's */
    int error;   /* of a finished job: errno, or READ_ENDED; 0: it is all there */
    /* the queue's own */
    int64_t got;
    int tries;
    struct read_job *next;
} read_job;

enum { READ_ENDED = -1 }; /* the file ends before the last byte */

typedef struct read_engine {
    const char *name;
    /* May keep something in *state. Fails where the system does not let it read. */
    cadre_status (*open)(read_queue *q, int depth, void **state);
    /* Starts what read_job_rest says; read_queue_finish is called later, by another thread. */
    void (*start)(void *state, read_job *job);
    void (*close)(void *state); /* when nothing is in flight */
} read_engine;

/* THE LIST of engines, the fastest first; NULL ends it. */
extern const read_engine *const read_engine_list[];

typedef struct read_stats {
    int64_t bytes, reads; /* finished */
    double busy;          /* seconds in which any read was in flight */
} read_stats;

/* engine NULL: the first of the list that works here */
cadre_status read_queue_new(const read_engine *engine, int depth, read_queue **queue);
void read_queue_free(read_queue *q); /* waits for what is in flight; NULL is fine */
const char *read_queue_engine(const read_queue *q);

void read_queue_submit(read_queue *q, read_job *job);
/* The next job that is finished, or NULL if none finishes within `seconds`. */
read_job *read_queue_wait(read_queue *q, double seconds);
/* Takes a job back that has not started; false: it has. */
bool read_queue_cancel(read_queue *q, read_job *job);
/* Lets a job that was submitted ahead start like a demanded one. */
void read_queue_demand(read_queue *q, read_job *job);
read_stats read_queue_stats(read_queue *q);

/* ---- for engines ---- */

typedef struct read_part {
    int64_t offset, bytes;
    uint8_t *to;
} read_part;
read_part read_job_rest(const read_job *job);
/* result: bytes that came, or the negative errno. The job may start again at once. */
void read_queue_finish(read_queue *q, read_job *job, int64_t result);

#endif
