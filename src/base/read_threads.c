/* read_threads.c - threads that take jobs from a list, in its order. */
#define _GNU_SOURCE
#include "base/read_threads.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/memory.h"

enum { MOST_THREADS = 8 };

typedef struct reading {
    read_queue *queue;
    pthread_mutex_t lock;
    pthread_cond_t more;
    read_job *first, *last;
    bool ended;
    int threads;
    pthread_t thread[MOST_THREADS];
} reading;

static read_job *next_job(reading *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->first && !r->ended) pthread_cond_wait(&r->more, &r->lock);
    read_job *job = r->first;
    if (job) r->first = job->next;
    if (!r->first) r->last = NULL;
    pthread_mutex_unlock(&r->lock);
    return job;
}

static void *read_on(void *arg)
{
    reading *r = arg;
    read_job *job;
    while ((job = next_job(r))) {
        read_part part = read_job_rest(job);
        read_queue_finish(
            r->queue, job, direct_file_read(job->file, part.offset, part.bytes, part.to));
    }
    return NULL;
}

static void start(void *state, read_job *job)
{
    reading *r = state;
    pthread_mutex_lock(&r->lock);
    job->next = NULL;
    if (r->last) r->last->next = job;
    else r->first = job;
    r->last = job;
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
}

static void close_reading(void *state)
{
    reading *r = state;
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    pthread_cond_broadcast(&r->more);
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->threads; i++) pthread_join(r->thread[i], NULL);
    pthread_cond_destroy(&r->more);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

static cadre_status open_reading(read_queue *q, int depth, void **state)
{
    reading *r = MEM_ARRAY(reading, 1);
    sigset_t all, before;
    if (!r) return CADRE_ENOMEM;
    r->queue = q;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->more, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = 0;
    while (!errno && r->threads < MOST_THREADS && r->threads < depth) {
        errno = pthread_create(&r->thread[r->threads], NULL, read_on, r);
        if (!errno) r->threads++;
    }
    int error = r->threads ? 0 : errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error) {
        *state = r;
        return CADRE_OK;
    }
    close_reading(r);
    errno = error;
    return cadre_fail_errno(CADRE_ENOMEM, NULL, "a thread could not be started");
}

const read_engine read_threads = { "threads", open_reading, start, close_reading };
