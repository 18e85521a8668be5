/* disk_bandwidth.c - a queue that is kept full for a while, once for each size. */
#include "store/disk_bandwidth.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

enum { ROOM = 16 << 20, MOST_JOBS = 32 };

typedef struct sweep {
    const direct_file *file;
    read_queue *queue;
    uint8_t *memory; /* [ROOM] */
    read_job job[MOST_JOBS];
    uint64_t reads; /* so far, of all sizes */
} sweep;

/* Somewhere in the file, and elsewhere each time */
static void submit(sweep *s, read_job *job, int64_t bytes)
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

/* Reads of `bytes`, as many at once as the memory holds */
static cadre_status measure(sweep *s, int64_t bytes, double seconds, double *best)
{
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
    if ((double)done / (now - begin) > *best) *best = (double)done / (now - begin);
    return CADRE_OK;
}

cadre_status disk_bandwidth(const direct_file *file, double seconds, double *bytes)
{
    static const int64_t sizes[] = { 1 << 20, 2 << 20 };
    enum { SIZES = sizeof sizes / sizeof *sizes };
    sweep s = { .file = file, .memory = mem_reserve(1, ROOM) };
    double best = 0;
    cadre_status status = s.memory ? read_queue_new(NULL, MOST_JOBS, &s.queue) : CADRE_ENOMEM;
    for (int i = 0; status == CADRE_OK && i < SIZES; i++)
        if (file->bytes >= 4 * sizes[i]) status = measure(&s, sizes[i], seconds / SIZES, &best);
    read_queue_free(s.queue);
    mem_return(s.memory, 1, ROOM);
    if (status == CADRE_OK) *bytes = best;
    return status;
}
