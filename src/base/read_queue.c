/* read_queue.c - the two waiting lists, the list of finished jobs, and the time in which anything
 * is in flight. All of it is under one lock; an engine is called with the lock held, and so never
 * finishes a job within its start. */
#define _GNU_SOURCE
#include "base/read_queue.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

enum { AHEAD_DEPTH = 3, MOST_TRIES = 100 };

typedef struct job_list {
    read_job *first, *last;
} job_list;

struct read_queue {
    const read_engine *engine;
    void *state;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    job_list demanded, ahead, done;
    int depth, flying;
    double since; /* when the first of those in flight started */
    read_stats stats;
};

/* ---- lists ---- */

static void append(job_list *l, read_job *job)
{
    job->next = NULL;
    if (l->last) l->last->next = job;
    else l->first = job;
    l->last = job;
}

static read_job *take_first(job_list *l)
{
    read_job *job = l->first;
    if (job) l->first = job->next;
    if (!l->first) l->last = NULL;
    return job;
}

static bool take_out(job_list *l, const read_job *job)
{
    read_job *before = NULL;
    for (read_job *at = l->first; at; before = at, at = at->next) {
        if (at != job) continue;
        if (before) before->next = at->next;
        else l->first = at->next;
        if (l->last == at) l->last = before;
        return true;
    }
    return false;
}

/* ---- starting, with the lock held ---- */

static void start(read_queue *q, read_job *job)
{
    if (!q->flying++) q->since = clock_seconds();
    q->engine->start(q->state, job);
}

static void pump(read_queue *q)
{
    while (q->demanded.first && q->flying < q->depth) start(q, take_first(&q->demanded));
    while (!q->demanded.first && q->ahead.first && q->flying < AHEAD_DEPTH)
        start(q, take_first(&q->ahead));
}

/* ---- what engines call ---- */

read_part read_job_rest(const read_job *job)
{
    return (read_part){ job->offset + job->got, job->bytes - job->got, job->to + job->got };
}

/* Whether it is over. Only whole pages count while something is missing, because the next read
 * begins at a page. */
static bool is_over(read_job *job, int64_t result)
{
    if (result == -EINTR || result == -EAGAIN) {
        job->error = ++job->tries < MOST_TRIES ? 0 : EIO;
        return job->error;
    }
    if (result < 0) job->error = (int)-result;
    else if (job->got + result >= job->least) job->error = 0;
    else if (!result) job->error = READ_ENDED;
    else {
        int64_t pages = direct_page_down(result);
        job->got += pages;
        job->tries = pages ? 0 : job->tries + 1;
        job->error = job->tries < MOST_TRIES ? 0 : EIO;
        return job->error;
    }
    return true;
}

void read_queue_finish(read_queue *q, read_job *job, int64_t result)
{
    pthread_mutex_lock(&q->lock);
    if (!is_over(job, result)) {
        q->engine->start(q->state, job);
        pthread_mutex_unlock(&q->lock);
        return;
    }
    direct_file_forget(job->file, job->offset, job->bytes);
    if (!--q->flying) q->stats.busy += clock_seconds() - q->since;
    q->stats.bytes += job->error ? 0 : job->bytes;
    q->stats.reads++;
    append(&q->done, job);
    pump(q);
    pthread_cond_signal(&q->finished);
    pthread_mutex_unlock(&q->lock);
}

/* ---- what callers call ---- */

static cadre_status open_engine(read_queue *q, const read_engine *engine)
{
    if (engine) {
        q->engine = engine;
        return engine->open(q, q->depth, &q->state);
    }
    cadre_status status = CADRE_EUNSUPPORTED;
    for (int i = 0; status != CADRE_OK && read_engine_list[i]; i++) {
        q->engine = read_engine_list[i];
        status = q->engine->open(q, q->depth, &q->state);
    }
    return status;
}

cadre_status read_queue_new(const read_engine *engine, int depth, read_queue **queue)
{
    read_queue *q = MEM_ARRAY(read_queue, 1);
    if (!q) return CADRE_ENOMEM;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->finished, &clock);
    pthread_condattr_destroy(&clock);
    q->depth = depth;
    cadre_status status = open_engine(q, engine);
    if (status != CADRE_OK) {
        q->engine = NULL;
        read_queue_free(q);
        return status;
    }
    *queue = q;
    return CADRE_OK;
}

void read_queue_free(read_queue *q)
{
    if (!q) return;
    pthread_mutex_lock(&q->lock);
    q->demanded = q->ahead = (job_list){ 0 };
    while (q->flying) pthread_cond_wait(&q->finished, &q->lock);
    pthread_mutex_unlock(&q->lock);
    if (q->engine) q->engine->close(q->state);
    pthread_cond_destroy(&q->finished);
    pthread_mutex_destroy(&q->lock);
    mem_free(q);
}

const char *read_queue_engine(const read_queue *q) { return q->engine->name; }

void read_queue_submit(read_queue *q, read_job *job)
{
    job->error = 0, job->got = 0, job->tries = 0;
    pthread_mutex_lock(&q->lock);
    append(job->ahead ? &q->ahead : &q->demanded, job);
    pump(q);
    pthread_mutex_unlock(&q->lock);
}

static struct timespec after(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double whole = (double)(int64_t)seconds;
    t.tv_sec += (time_t)whole;
    t.tv_nsec += (long)((seconds - whole) * 1e9);
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

read_job *read_queue_wait(read_queue *q, double seconds)
{
    struct timespec end = after(seconds);
    int late = 0;
    pthread_mutex_lock(&q->lock);
    while (!q->done.first && q->flying && seconds > 0 && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&q->finished, &q->lock, &end);
    read_job *job = take_first(&q->done);
    pthread_mutex_unlock(&q->lock);
    return job;
}

bool read_queue_cancel(read_queue *q, read_job *job)
{
    pthread_mutex_lock(&q->lock);
    bool found = take_out(job->ahead ? &q->ahead : &q->demanded, job);
    pthread_mutex_unlock(&q->lock);
    return found;
}

void read_queue_demand(read_queue *q, read_job *job)
{
    pthread_mutex_lock(&q->lock);
    if (job->ahead && take_out(&q->ahead, job)) append(&q->demanded, job);
    job->ahead = false;
    pump(q);
    pthread_mutex_unlock(&q->lock);
}

read_stats read_queue_stats(read_queue *q)
{
    pthread_mutex_lock(&q->lock);
    read_stats s = q->stats;
    if (q->flying) s.busy += clock_seconds() - q->since;
    pthread_mutex_unlock(&q->lock);
    return s;
}
