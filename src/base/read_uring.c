/* read_uring.c - the queue's lock guards submission; one thread takes what is complete. */
#define _GNU_SOURCE
#include "base/read_uring.h"

#ifdef CADRE_URING

    #include <errno.h>
    #include <liburing.h>
    #include <pthread.h>
    #include <signal.h>

    #include "base/memory.h"

    /* A program that links the archive of cadre without liburing reads with threads. */
    #pragma weak __io_uring_get_cqe
    #pragma weak io_uring_queue_exit
    #pragma weak io_uring_queue_init
    #pragma weak io_uring_submit

typedef struct ring {
    read_queue *queue;
    struct io_uring uring;
    pthread_t thread;
} ring;

/* There are as many entries as reads in flight, and one for the end. */
static void submit(ring *r, void *job, const direct_file *file, read_part part)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&r->uring);
    if (job)
        io_uring_prep_read(
            entry, file->handle, part.to, (unsigned)part.bytes, (uint64_t)part.offset);
    else io_uring_prep_nop(entry);
    io_uring_sqe_set_data(entry, job);
    while (io_uring_submit(&r->uring) == -EINTR) continue;
}

static void *take_completions(void *arg)
{
    ring *r = arg;
    for (;;) {
        struct io_uring_cqe *entry;
        int error = io_uring_wait_cqe(&r->uring, &entry);
        if (error) continue;
        read_job *job = io_uring_cqe_get_data(entry);
        int64_t result = entry->res;
        io_uring_cqe_seen(&r->uring, entry);
        if (!job) return NULL;
        read_queue_finish(r->queue, job, result);
    }
}

static void start(void *state, read_job *job) { submit(state, job, job->file, read_job_rest(job)); }

static void close_ring(void *state)
{
    ring *r = state;
    submit(r, NULL, NULL, (read_part){ 0 });
    pthread_join(r->thread, NULL);
    io_uring_queue_exit(&r->uring);
    mem_free(r);
}

static int start_thread(ring *r)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&r->thread, NULL, take_completions, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static cadre_status open_ring(read_queue *q, int depth, void **state)
{
    if (!io_uring_queue_init)
        return cadre_fail(CADRE_EUNSUPPORTED, NULL, "linked without liburing");
    ring *r = MEM_ARRAY(ring, 1);
    if (!r) return CADRE_ENOMEM;
    r->queue = q;
    int error = -io_uring_queue_init((unsigned)depth + 1, &r->uring, 0);
    if (!error && (error = start_thread(r))) io_uring_queue_exit(&r->uring);
    if (!error) {
        *state = r;
        return CADRE_OK;
    }
    mem_free(r);
    errno = error;
    return cadre_fail_errno(CADRE_EUNSUPPORTED, NULL, "io_uring cannot be used");
}

#else

static cadre_status open_ring(read_queue *q, int depth, void **state)
{
    (void)q, (void)depth, (void)state;
    return cadre_fail(CADRE_EUNSUPPORTED, NULL, "built without io_uring");
}
static void start(void *state, read_job *job) { (void)state, (void)job; }
static void close_ring(void *state) { (void)state; }

#endif

const read_engine read_uring = { "io_uring", open_ring, start, close_ring };
