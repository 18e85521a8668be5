/* ticker.c - the thread, which sleeps on a condition so that it can be ended at once. */
#define _GNU_SOURCE
#include "base/ticker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "base/memory.h"
#include "base/status.h"

struct ticker {
    pthread_t thread;
    pthread_mutex_t held, lock; /* lock: of `ended` */
    pthread_cond_t changed;
    bool ended;
    double seconds;
    void (*tick)(void *arg);
    void *arg;
};

static struct timespec after(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(seconds * 1e9);
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* Returns whether the ticker goes on. */
static bool sleep_until_next(ticker *t)
{
    struct timespec end = after(t->seconds);
    int late = 0;
    pthread_mutex_lock(&t->lock);
    while (!t->ended && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&t->changed, &t->lock, &end);
    bool on = !t->ended;
    pthread_mutex_unlock(&t->lock);
    return on;
}

static void *tick_until_ended(void *arg)
{
    ticker *t = arg;
    while (sleep_until_next(t)) {
        ticker_hold(t);
        t->tick(t->arg);
        ticker_release(t);
    }
    return NULL;
}

static int start(ticker *t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&t->thread, NULL, tick_until_ended, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

ticker *ticker_new(double seconds, void (*tick)(void *arg), void *arg)
{
    ticker *t = MEM_ARRAY(ticker, 1);
    if (!t) return NULL;
    *t = (ticker){ .seconds = seconds, .tick = tick, .arg = arg };
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&t->held, NULL);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, &clock);
    pthread_condattr_destroy(&clock);
    errno = start(t);
    if (!errno) return t;
    cadre_fail_errno(CADRE_ENOMEM, NULL, "a thread could not be started");
    mem_free(t);
    return NULL;
}

void ticker_free(ticker *t)
{
    if (!t) return;
    pthread_mutex_lock(&t->lock);
    t->ended = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    pthread_mutex_destroy(&t->held);
    mem_free(t);
}

void ticker_hold(ticker *t) { pthread_mutex_lock(&t->held); }
void ticker_release(ticker *t) { pthread_mutex_unlock(&t->held); }
