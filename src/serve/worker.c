/* worker.c - a queue of jobs, and a thread that is started for the first large one. */
#include "serve/worker.h"

void worker_open(engine *e, worker *w)
{
    *w = (worker){ .engine = e };
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->condition, NULL);
}

/* ---- the thread ---- */

/* NULL: it is to end. */
static worker_job *next_job(worker *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->waiting && !w->stop) pthread_cond_wait(&w->condition, &w->mutex);
    worker_job *job = w->stop ? NULL : w->waiting;
    if (job) w->waiting = job->next;
    pthread_mutex_unlock(&w->mutex);
    return job;
}

static void finish(worker *w, worker_job *job)
{
    pthread_mutex_lock(&w->mutex);
    job->next = w->finished;
    w->finished = job;
    pthread_mutex_unlock(&w->mutex);
    engine_signal(w->engine);
}

static void *live(void *arg)
{
    worker *w = arg;
    for (worker_job *job; (job = next_job(w));) {
        if (!atomic_load(&job->unwanted)) job->work(job->arg);
        finish(w, job);
    }
    return NULL;
}

/* ---- the loop's side ---- */

static void tell(worker *w, worker_job *job)
{
    w->bytes -= job->bytes;
    job->done(job->arg);
}

void worker_give(worker *w, worker_job *job)
{
    w->bytes += job->bytes;
    if (job->bytes > WORKER_SMALL && !w->started)
        w->started = pthread_create(&w->thread, NULL, live, w) == 0;
    if (job->bytes <= WORKER_SMALL || !w->started) {
        job->work(job->arg);
        tell(w, job);
        return;
    }
    job->next = NULL;
    pthread_mutex_lock(&w->mutex);
    *(w->waiting ? &w->last->next : &w->waiting) = job;
    w->last = job;
    pthread_cond_signal(&w->condition);
    pthread_mutex_unlock(&w->mutex);
}

static void tell_all(worker *w, worker_job *list)
{
    for (worker_job *next; list; list = next) {
        next = list->next;
        tell(w, list);
    }
}

void worker_collect(worker *w)
{
    pthread_mutex_lock(&w->mutex);
    worker_job *list = w->finished;
    w->finished = NULL;
    pthread_mutex_unlock(&w->mutex);
    tell_all(w, list);
}

void worker_close(worker *w)
{
    if (!w->engine) return;
    if (w->started) {
        pthread_mutex_lock(&w->mutex);
        w->stop = true;
        pthread_cond_signal(&w->condition);
        pthread_mutex_unlock(&w->mutex);
        pthread_join(w->thread, NULL);
    }
    tell_all(w, w->waiting);
    tell_all(w, w->finished);
    pthread_cond_destroy(&w->condition);
    pthread_mutex_destroy(&w->mutex);
    *w = (worker){ 0 };
}
