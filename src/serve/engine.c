/* engine.c - the engine's thread, which sleeps on a condition variable until there is work, and
 * signals the loop with an eventfd. */
#define _GNU_SOURCE
#include "serve/engine.h"

#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "cadre/store.h"

cadre_status engine_open(cadre_context *context, const engine_options *options, engine *e)
{
    *e = (engine){ .context = context, .options = *options };
    e->signal = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (e->signal < 0) return cadre_fail_errno(CADRE_EIO, NULL, "a descriptor to signal with");
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->condition, NULL);
    return CADRE_OK;
}

void engine_signal(engine *e)
{
    const uint64_t one = 1;
    ssize_t written = write(e->signal, &one, sizeof one);
    (void)written; /* it fails only if the descriptor is readable already */
}

void engine_clear_signal(engine *e)
{
    uint64_t count;
    ssize_t read_bytes = read(e->signal, &count, sizeof count);
    (void)read_bytes;
}

void engine_wake(engine *e)
{
    pthread_mutex_lock(&e->mutex);
    e->work = true;
    pthread_cond_signal(&e->condition);
    pthread_mutex_unlock(&e->mutex);
}

/* ---- the thread ---- */

static cadre_status open_all(engine *e)
{
    const engine_options *o = &e->options;
    const cadre_open_options how = { .size = sizeof how,
        .repack = o->repack,
        .cache = o->cache,
        .memory = o->memory,
        .adapter = o->adapter };
    const cadre_tokenizer *t;
    cadre_batcher_limits limits = o->limits;
    CADRE_TRY(cadre_model_open_with(e->context, o->path, &how, &e->model));
    CADRE_TRY(cadre_model_tokenizer(e->model, &t));
    if (o->warm) CADRE_TRY(cadre_model_warm(e->model, o->warm_by, o->warming, o->warming_arg));
    if (limits.context > e->model->config.context) limits.context = 0;
    return cadre_batcher_new(e->model, &limits, &e->batcher);
}

static void become_ready(engine *e)
{
    e->status = open_all(e);
    if (e->status != CADRE_OK) snprintf(e->sentence, sizeof e->sentence, "%s", cadre_last_error());
    e->placed = clock_seconds();
    atomic_store(&e->last_pass, e->placed);
    atomic_store(&e->state, e->status == CADRE_OK ? ENGINE_READY : ENGINE_FAILED);
    engine_signal(e);
}

/* Waits for a request; false: the thread must end. */
static bool wait_for_work(engine *e)
{
    pthread_mutex_lock(&e->mutex);
    while (!e->work && !e->stop) pthread_cond_wait(&e->condition, &e->mutex);
    bool running = !e->stop;
    e->work = false;
    pthread_mutex_unlock(&e->mutex);
    return running;
}

static bool is_stopped(engine *e)
{
    pthread_mutex_lock(&e->mutex);
    bool stop = e->stop;
    pthread_mutex_unlock(&e->mutex);
    return stop;
}

/* Places experts anew if it is time to. If that fails, they stay where they are. */
static void place_experts(engine *e)
{
    double now = clock_seconds();
    cadre_placed placed = { .size = sizeof placed };
    if (!(e->options.place_every > 0) || now - e->placed < e->options.place_every) return;
    e->placed = now;
    cadre_status status = cadre_batcher_place(e->batcher, &placed);
    pthread_mutex_lock(&e->mutex);
    engine_placements *p = &e->placements;
    p->failures += status != CADRE_OK;
    p->changes += placed.changed;
    if (status == CADRE_OK) p->before = placed.before, p->after = placed.after;
    pthread_mutex_unlock(&e->mutex);
}

engine_placements engine_placements_of(engine *e)
{
    pthread_mutex_lock(&e->mutex);
    engine_placements now = e->placements;
    pthread_mutex_unlock(&e->mutex);
    return now;
}

static void run_passes(engine *e)
{
    bool idle = false;
    while (!idle && !is_stopped(e)) {
        place_experts(e);
        e->status = cadre_batcher_run(e->batcher, &idle);
        if (e->status != CADRE_OK) {
            snprintf(e->sentence, sizeof e->sentence, "%s", cadre_last_error());
            atomic_store(&e->state, ENGINE_FAILED);
            idle = true;
        }
        atomic_store(&e->last_pass, clock_seconds());
        engine_signal(e);
    }
}

static void *run_thread(void *arg)
{
    engine *e = arg;
    become_ready(e);
    while (atomic_load(&e->state) == ENGINE_READY && wait_for_work(e)) run_passes(e);
    return NULL;
}

cadre_status engine_start(engine *e)
{
    if (pthread_create(&e->thread, NULL, run_thread, e) != 0)
        return cadre_fail(CADRE_ENOMEM, NULL, "out of memory: a thread to compute in");
    e->started = true;
    return CADRE_OK;
}

void engine_close(engine *e)
{
    if (!e->context) return;
    if (e->started) {
        pthread_mutex_lock(&e->mutex);
        e->stop = true;
        pthread_cond_signal(&e->condition);
        pthread_mutex_unlock(&e->mutex);
        pthread_join(e->thread, NULL);
    }
    cadre_batcher_free(e->batcher);
    if (e->model && e->options.warm && !e->options.warm_by) (void)cadre_model_keep_use(e->model);
    cadre_model_close(e->model);
    pthread_cond_destroy(&e->condition);
    pthread_mutex_destroy(&e->mutex);
    close(e->signal);
    *e = (engine){ 0 };
}
