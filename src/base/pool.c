/* pool.c - the workers. A change of `generation` starts them, and `unfinished` falling to 0 lets
 * the caller go on. Both sides spin briefly, because steps follow each other quickly, and then
 * sleep, because other programs want the cores too.
 *
 * Sleepers are counted, so that the system is not asked to wake threads that are awake. A thread
 * counts itself before the system compares the word with the value that it saw, and the word
 * changes before the count is read. All of this happens in one total order, so no sleeper is
 * missed. */
#define _GNU_SOURCE
#include "base/pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/machine.h"
#include "base/memory.h"
#include "base/status.h"

enum { SPINS = 4000 };

/* A number that some threads change and others wait for. */
typedef struct signal_word {
    atomic_uint value, sleepers;
} signal_word;

struct pool {
    int threads; /* workers, the caller included */
    /* With fewer cores than workers, spinning would only keep another worker from its core. */
    int cores;
    pthread_t *handles; /* [threads - 1] */
    pool_task task;
    void *arg;
    _Alignas(64) signal_word generation; /* grows by one with each run */
    _Alignas(64) signal_word unfinished; /* workers that are not done */
    _Alignas(64) atomic_bool stop;
};

typedef struct seat {
    pool *pool;
    int worker;
} seat;

static void sleep_while(signal_word *word, unsigned seen)
{
    atomic_fetch_add(&word->sleepers, 1);
    syscall(SYS_futex, (unsigned *)&word->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    atomic_fetch_sub(&word->sleepers, 1);
}

/* Called after a change of the word. */
static void wake(signal_word *word)
{
    if (atomic_load(&word->sleepers))
        syscall(SYS_futex, (unsigned *)&word->value, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Waits while the word equals `seen`, and returns its new value. */
static unsigned wait_change(signal_word *word, unsigned seen, int spins)
{
    for (int i = 0; i < spins; i++) {
        unsigned now = atomic_load_explicit(&word->value, memory_order_acquire);
        if (now != seen) return now;
        relax();
    }
    unsigned now;
    while ((now = atomic_load_explicit(&word->value, memory_order_acquire)) == seen)
        sleep_while(word, seen);
    return now;
}

static int spins_of(const pool *p) { return p->threads <= p->cores ? SPINS : 0; }

/* Says that a worker is done: with its start, or with its share of a run. */
static void finish(pool *p)
{
    if (atomic_fetch_sub(&p->unfinished.value, 1) == 1) wake(&p->unfinished);
}

static void wait_finished(pool *p)
{
    unsigned left;
    while ((left = atomic_load_explicit(&p->unfinished.value, memory_order_acquire)) != 0)
        wait_change(&p->unfinished, left, spins_of(p));
}

static void *worker_main(void *arg)
{
    seat own = *(seat *)arg;
    mem_free(arg);
    pool *p = own.pool;
    unsigned seen = 0;
    finish(p);
    for (;;) {
        seen = wait_change(&p->generation, seen, spins_of(p));
        if (atomic_load(&p->stop)) return NULL;
        p->task(p->arg, own.worker, p->threads);
        finish(p);
    }
}

static void stop_workers(pool *p, int started)
{
    atomic_store(&p->stop, true);
    atomic_fetch_add(&p->generation.value, 1);
    wake(&p->generation);
    for (int i = 0; i < started; i++) pthread_join(p->handles[i], NULL);
}

pool *pool_new(int threads)
{
    pool *p = MEM_ARRAY(pool, 1);
    if (!p) return NULL;
    p->threads = threads < 1 ? 1 : threads;
    p->cores = pool_default_threads();
    atomic_store(&p->unfinished.value, (unsigned)(p->threads - 1));
    p->handles = MEM_ARRAY(pthread_t, p->threads);
    int started = 0;
    bool ok = p->handles != NULL;
    while (ok && started < p->threads - 1) {
        seat *own = MEM_ARRAY(seat, 1);
        if (own) *own = (seat){ p, started + 1 };
        ok = own && pthread_create(&p->handles[started], NULL, worker_main, own) == 0;
        if (ok) started++;
        else mem_free(own);
    }
    if (ok) {
        /* Now every thread has allocated what it allocates when it starts. */
        wait_finished(p);
        return p;
    }
    cadre_fail(CADRE_ENOMEM, NULL, "%d worker threads could not be started, %d could", p->threads,
        started + 1);
    stop_workers(p, started);
    mem_free(p->handles);
    mem_free(p);
    return NULL;
}

void pool_free(pool *p)
{
    if (!p) return;
    stop_workers(p, p->threads - 1);
    mem_free(p->handles);
    mem_free(p);
}

int pool_threads(const pool *p) { return p ? p->threads : 1; }

void pool_run(pool *p, pool_task task, void *arg)
{
    if (!p || p->threads == 1) {
        task(arg, 0, 1);
        return;
    }
    p->task = task;
    p->arg = arg;
    atomic_store_explicit(&p->unfinished.value, (unsigned)(p->threads - 1), memory_order_relaxed);
    atomic_fetch_add(&p->generation.value, 1);
    wake(&p->generation);
    task(arg, 0, p->threads);
    wait_finished(p);
}

int pool_default_threads(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    return machine_cores();
}
