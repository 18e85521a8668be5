/* thread_comm.c - every operation: all show their arrays, all read, all wait. Sums are in rank
 * order. */
#define _GNU_SOURCE
#include "support/thread_comm.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

typedef struct world {
    pthread_barrier_t barrier;
    void *shown[THREAD_COMM_MOST];
} world;

static void meet(const comm *c) { pthread_barrier_wait(&((world *)c->state)->barrier); }

static cadre_status sum_counts(const comm *c, int64_t *values, int64_t count)
{
    world *w = c->state;
    w->shown[c->rank] = values;
    meet(c);
    /* Each rank sums its share, into all arrays */
    for (int64_t i = c->rank; i < count; i += c->size) {
        int64_t sum = 0;
        for (int r = 0; r < c->size; r++) sum += ((int64_t *)w->shown[r])[i];
        for (int r = 0; r < c->size; r++) ((int64_t *)w->shown[r])[i] = sum;
    }
    meet(c);
    return CADRE_OK;
}

static cadre_status sum_reals(const comm *c, real *values, int64_t count)
{
    world *w = c->state;
    w->shown[c->rank] = values;
    meet(c);
    for (int64_t i = c->rank; i < count; i += c->size) {
        real sum = 0;
        for (int r = 0; r < c->size; r++) sum += ((real *)w->shown[r])[i];
        for (int r = 0; r < c->size; r++) ((real *)w->shown[r])[i] = sum;
    }
    meet(c);
    return CADRE_OK;
}

static cadre_status broadcast(const comm *c, void *data, int64_t bytes, int root)
{
    world *w = c->state;
    w->shown[c->rank] = data;
    meet(c);
    if (c->rank != root) memcpy(data, w->shown[root], (size_t)bytes);
    meet(c);
    return CADRE_OK;
}

static cadre_status barrier(const comm *c)
{
    meet(c);
    return CADRE_OK;
}

typedef struct rank {
    comm comm;
    void (*body)(const comm *c, void *arg);
    void *arg;
} rank;

static void *run_rank(void *arg)
{
    const rank *r = arg;
    r->body(&r->comm, r->arg);
    return NULL;
}

void thread_comm_run(int size, void (*body)(const comm *c, void *arg), void *arg)
{
    world w;
    rank ranks[THREAD_COMM_MOST];
    pthread_t thread[THREAD_COMM_MOST];
    assert(size <= THREAD_COMM_MOST);
    pthread_barrier_init(&w.barrier, NULL, (unsigned)size);
    for (int r = 0; r < size; r++) {
        ranks[r] = (rank){ { r, size, &w, sum_counts, sum_reals, broadcast, barrier }, body, arg };
        int refused = pthread_create(&thread[r], NULL, run_rank, &ranks[r]);
        assert(!refused);
        (void)refused;
    }
    for (int r = 0; r < size; r++) pthread_join(thread[r], NULL);
    pthread_barrier_destroy(&w.barrier);
}
