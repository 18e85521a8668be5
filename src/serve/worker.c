/* worker.c - a queue of jobs, and a thread started for the first that is not done at once. */
#include "serve/worker.h"

void worker_open(engine *e, worker *w)
{
    *w = (worker){ .engine = e };
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->condition, NULL);
}

static void put_last(worker_list *list, worker_job *job)
{
    job->next = NULL;
    *(list->first ? &list->last->next : &list->first) = job;
    list->last = job;
}

/* ---- the thread ---- */

/* NULL: it is to end. */
static worker_job *next_job(worker *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->waiting.first && !w->stop) pthread_cond_wait(&w->condition, &w->mutex);
    worker_job *job = w->stop ? NULL : w->waiting.first;
    if (job) w->waiting.first = job->next;
    pthread_mutex_unlock(&w->mutex);
    return job;
}

static void finish(worker *w, worker_job *job)
{
    pthread_mutex_lock(&w->mutex);
    put_last(&w->finished, job);
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
    bool later = job->aside || job->bytes > WORKER_SMALL;
    w->bytes += job->bytes;
    if (later && !w->started) w->started = pthread_create(&w->thread, NULL, live, w) == 0;
    if (!later || !w->started) {
        job->work(job->arg);
        tell(w, job);
        return;
    }
    pthread_mutex_lock(&w->mutex);
    put_last(&w->waiting, job);
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
    worker_job *list = w->finished.first;
    w->finished.first = NULL;
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
    tell_all(w, w->waiting.first);
    tell_all(w, w->finished.first);
    pthread_cond_destroy(&w->condition);
    pthread_mutex_destroy(&w->mutex);
    *w = (worker){ 0 };
}
