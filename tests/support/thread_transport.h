/* thread_transport.h - a transport whose ranks are threads of one process: what moves bytes in a
 * world of many ranks, without MPI. */
#ifndef CADRE_TESTS_THREAD_TRANSPORT_H
#define CADRE_TESTS_THREAD_TRANSPORT_H

#include "dist/world.h"

enum { THREAD_TRANSPORT_MOST = 64 }; /* ranks */

typedef struct thread_rank {
    world world;
    /* A rank whose process is stopped: nothing that it receives reaches it. */
    void (*stop)(struct thread_rank *r);
    void *post; /* of all ranks */
} thread_rank;

/* Runs body(rank, arg) on `size` ranks at once, `per_node` of them on each machine (0: all), which
 * wait `limit` seconds for a silent one; returns when all have ended. */
cadre_status thread_transport_run(
    int size, int per_node, double limit, void (*body)(thread_rank *r, void *arg), void *arg);

#endif
