/* worker.c - a queue of jobs, and a thread that is started for the first job that is not run at
 * once. */
#include "serve/worker.h"

void worker_open(engine *e, worker *w)
{
    *w = (worker){ .engine = e };
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->condition, NULL);
}

static void append(worker_list *list, worker_job *job)
{
    job->next = NULL;
    *(list->first ? &list->last->next : &list->first) = job;
    list->last = job;
}

/* ---- the thread ---- */

/* Waits for a job; NULL: the thread must end. */
static worker_job *next_job(worker *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->waiting.first && !w->stop) pthread_cond_wait(&w->condition, &w->mutex);
    worker_job *job = w->stop ? NULL : w->waiting.first;
    if (job) w->waiting.first = job->next;
    pthread_mutex_unlock(&w->mutex);
    return job;
}

static void add_finished(worker *w, worker_job *job)
{
    pthread_mutex_lock(&w->mutex);
    append(&w->finished, job);
    pthread_mutex_unlock(&w->mutex);
    engine_signal(w->engine);
}

static void *run_thread(void *arg)
{
    worker *w = arg;
    for (worker_job *job; (job = next_job(w));) {
        if (!atomic_load(&job->cancelled)) job->work(job->arg);
        add_finished(w, job);
    }
    return NULL;
}

/* ---- the loop's side ---- */

static void finish(worker *w, worker_job *job)
{
    w->bytes -= job->bytes;
    job->done(job->arg);
}

void worker_submit(worker *w, worker_job *job)
{
    bool later = job->slow || job->bytes > WORKER_INLINE_BYTES;
    w->bytes += job->bytes;
    if (later && !w->started) w->started = pthread_create(&w->thread, NULL, run_thread, w) == 0;
    if (!later || !w->started) {
        job->work(job->arg);
        finish(w, job);
        return;
    }
    pthread_mutex_lock(&w->mutex);
    append(&w->waiting, job);
    pthread_cond_signal(&w->condition);
    pthread_mutex_unlock(&w->mutex);
}

static void finish_all(worker *w, worker_job *list)
{
    for (worker_job *next; list; list = next) {
        next = list->next;
        finish(w, list);
    }
}

void worker_collect(worker *w)
{
    pthread_mutex_lock(&w->mutex);
    worker_job *list = w->finished.first;
    w->finished.first = NULL;
    pthread_mutex_unlock(&w->mutex);
    finish_all(w, list);
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
    finish_all(w, w->waiting.first);
    finish_all(w, w->finished.first);
    pthread_cond_destroy(&w->condition);
    pthread_mutex_destroy(&w->mutex);
    *w = (worker){ 0 };
}
