/* bad_disk.c - one thread that holds the reads, and draws what to do with them. */
#define _GNU_SOURCE
#include "support/bad_disk.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

enum { ROOM = 4096 };

typedef struct disk {
    read_queue *queue;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    read_job *waiting[ROOM];
    int count;
    bool ended;
    bad_disk_manner manner;
    uint64_t draws;
} disk;

bad_disk_manner bad_disk_manners;
static atomic_int_least64_t reads;
static disk *opened;

static double draw(disk *d)
{
    return random_uniform(random_key_of(d->manner.seed, "disk", 0, 0), d->draws++);
}

static read_job *next_job(disk *d)
{
    pthread_mutex_lock(&d->lock);
    while ((!d->count || d->manner.stalled) && !d->ended) pthread_cond_wait(&d->more, &d->lock);
    read_job *job = NULL;
    if (d->count) {
        int at = d->manner.shuffled ? (int)(draw(d) * d->count) : 0;
        job = d->waiting[at];
        d->count--;
        for (int i = at; i < d->count; i++) d->waiting[i] = d->waiting[i + 1];
    }
    pthread_mutex_unlock(&d->lock);
    return job;
}

static int64_t result_of(disk *d, const read_job *job)
{
    read_part part = read_job_rest(job);
    int64_t number = atomic_load(&reads);
    if (draw(d) < d->manner.slow) clock_sleep(1e-4 * draw(d));
    if (d->manner.fails_after && number >= d->manner.fails_after) return -EIO;
    if (d->manner.ends_after && number >= d->manner.ends_after) return 0;
    if (part.offset < d->manner.bad_to && part.offset + part.bytes > d->manner.bad_from)
        return -EIO;
    if (draw(d) < d->manner.interrupted) return draw(d) < 0.5 ? -EINTR : -EAGAIN;
    int64_t got = direct_file_read(job->file, part.offset, part.bytes, part.to);
    return got > 1 && draw(d) < d->manner.shorts ? 1 + (int64_t)(draw(d) * (double)(got - 1)) : got;
}

static void *serve(void *arg)
{
    disk *d = arg;
    for (read_job *job; (job = next_job(d));) read_queue_finish(d->queue, job, result_of(d, job));
    return NULL;
}

static void start(void *state, read_job *job)
{
    disk *d = state;
    pthread_mutex_lock(&d->lock);
    d->waiting[d->count++] = job;
    atomic_fetch_add(&reads, 1);
    pthread_cond_signal(&d->more);
    pthread_mutex_unlock(&d->lock);
}

static cadre_status open_disk(read_queue *q, int depth, void **state)
{
    disk *d = MEM_ARRAY(disk, 1);
    (void)depth;
    if (!d) return CADRE_ENOMEM;
    d->queue = q;
    d->manner = bad_disk_manners;
    atomic_store(&reads, 0);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->more, NULL);
    *state = opened = d;
    return pthread_create(&d->thread, NULL, serve, d) ? CADRE_ENOMEM : CADRE_OK;
}

static void close_disk(void *state)
{
    disk *d = state;
    pthread_mutex_lock(&d->lock);
    d->ended = true;
    pthread_cond_signal(&d->more);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->more);
    pthread_mutex_destroy(&d->lock);
    mem_free(d);
}

void bad_disk_wake(void)
{
    pthread_mutex_lock(&opened->lock);
    opened->manner.stalled = false;
    pthread_cond_signal(&opened->more);
    pthread_mutex_unlock(&opened->lock);
}

int64_t bad_disk_reads(void) { return atomic_load(&reads); }

const read_engine bad_disk = { "a bad disk", open_disk, start, close_disk };
