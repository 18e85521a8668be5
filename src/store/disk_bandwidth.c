/* disk_bandwidth.c - a queue that is kept full for a while, once for each size. */
#include "store/disk_bandwidth.h"

#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

enum { ROOM = 16 << 20, MOST_JOBS = 32 };
static const int64_t sizes[DISK_SIZES] = { 1 << 20, 2 << 20 };

typedef struct sweeping {
    const direct_file *file;
    read_queue *queue;
    uint8_t *memory; /* [ROOM] */
    read_job job[MOST_JOBS];
    uint64_t reads; /* so far, of all sizes */
} sweeping;

/* Somewhere in the file, and elsewhere each time */
static void submit(sweeping *s, read_job *job, int64_t bytes)
{
    random_key key = random_key_of(0, "disk", 0, 0);
    uint64_t places = (uint64_t)((s->file->bytes - bytes) / DIRECT_PAGE);
    uint64_t page = random_bits(key, s->reads++) % (places + 1);
    *job = (read_job){ .file = s->file,
        .offset = (int64_t)page * DIRECT_PAGE,
        .bytes = bytes,
        .least = bytes,
        .to = s->memory + (job - s->job) * bytes };
    read_queue_submit(s->queue, job);
}

/* Reads of the i-th size, as many at once as the memory holds */
static cadre_status measure(sweeping *s, int i, double seconds, disk_sweep *sweep)
{
    int64_t bytes = sizes[i];
    int64_t done = 0, flying = 0;
    double begin = clock_seconds(), end = begin + seconds, now = begin;
    read_job *job = s->job;
    while (flying < ROOM / bytes && flying < MOST_JOBS) submit(s, &s->job[flying++], bytes);
    while (flying && (job = read_queue_wait(s->queue, 60))) {
        if (job->error)
            return cadre_fail(CADRE_EIO, s->file->path,
                "expected %lld bytes at %lld, found that they cannot be read", (long long)bytes,
                (long long)job->offset);
        done += bytes;
        now = clock_seconds();
        if (now < end) submit(s, job, bytes);
        else flying--;
    }
    if (!job) return cadre_fail(CADRE_EIO, s->file->path, "expected an answer of the disk");
    sweep->bytes[i] += (double)done;
    sweep->seconds[i] += now - begin;
    return CADRE_OK;
}

cadre_status disk_sweep_add(const direct_file *file, double seconds, disk_sweep *sweep)
{
    sweeping s = { .file = file, .memory = mem_reserve(1, ROOM) };
    disk_sweep made = *sweep;
    cadre_status status = s.memory ? read_queue_new(NULL, MOST_JOBS, &s.queue) : CADRE_ENOMEM;
    for (int i = 0; status == CADRE_OK && i < DISK_SIZES; i++)
        if (file->bytes >= 4 * sizes[i]) status = measure(&s, i, seconds / DISK_SIZES, &made);
    read_queue_free(s.queue);
    mem_return(s.memory, 1, ROOM);
    if (status == CADRE_OK) *sweep = made;
    return status;
}

double disk_bandwidth(const disk_sweep *sweep)
{
    double best = 0;
    for (int i = 0; i < DISK_SIZES; i++)
        if (sweep->seconds[i] > 0) best = fmax(best, sweep->bytes[i] / sweep->seconds[i]);
    return best;
}
