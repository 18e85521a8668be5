/* disk_bandwidth.c - keeps a queue of random reads full for a while, once for each size of reads,
 * and counts the bytes. */
#include "store/disk_bandwidth.h"

#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

enum { ROOM = 16 << 20, MOST_JOBS = 32 };
static const int64_t sizes[DISK_SIZES] = { 1 << 20, 2 << 20 };

typedef struct disk_reads {
    const direct_file *file;
    read_queue *queue;
    uint8_t *memory; /* [ROOM] */
    read_job job[MOST_JOBS];
    uint64_t reads; /* so far, of all sizes */
} disk_reads;

/* Submits a read at a random page of the file. */
static void submit(disk_reads *s, read_job *job, int64_t bytes)
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

/* Measures reads of the i-th size, as many at once as the memory holds. */
static cadre_status measure(disk_reads *s, int i, double seconds, disk_measurement *measurement)
{
    int64_t bytes = sizes[i];
    int64_t done = 0, in_flight = 0;
    double begin = clock_seconds(), end = begin + seconds, now = begin;
    read_job *job = s->job;
    while (in_flight < ROOM / bytes && in_flight < MOST_JOBS)
        submit(s, &s->job[in_flight++], bytes);
    while (in_flight && (job = read_queue_wait(s->queue, 60))) {
        if (job->error)
            return cadre_fail(CADRE_EIO, s->file->path,
                "expected %lld bytes at %lld, found that they cannot be read", (long long)bytes,
                (long long)job->offset);
        done += bytes;
        now = clock_seconds();
        if (now < end) submit(s, job, bytes);
        else in_flight--;
    }
    if (!job)
        return cadre_fail(CADRE_EIO, s->file->path,
            "expected the disk to answer within 60 seconds, found that it did not");
    measurement->bytes[i] += (double)done;
    measurement->seconds[i] += now - begin;
    return CADRE_OK;
}

cadre_status disk_measurement_add(
    const direct_file *file, double seconds, disk_measurement *measurement)
{
    disk_reads s = { .file = file, .memory = mem_reserve(1, ROOM) };
    disk_measurement made = *measurement;
    cadre_status status = s.memory ? read_queue_new(NULL, MOST_JOBS, &s.queue) : CADRE_ENOMEM;
    for (int i = 0; status == CADRE_OK && i < DISK_SIZES; i++)
        if (file->bytes >= 4 * sizes[i]) status = measure(&s, i, seconds / DISK_SIZES, &made);
    read_queue_free(s.queue);
    mem_return(s.memory, 1, ROOM);
    if (status == CADRE_OK) *measurement = made;
    return status;
}

double disk_bandwidth(const disk_measurement *measurement)
{
    double best = 0;
    for (int i = 0; i < DISK_SIZES; i++)
        if (measurement->seconds[i] > 0)
            best = fmax(best, measurement->bytes[i] / measurement->seconds[i]);
    return best;
}
