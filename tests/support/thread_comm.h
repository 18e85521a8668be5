/* thread_comm.h - ranks that are threads of one process: a communicator for what ranks do together,
 * without MPI. */
#ifndef CADRE_TESTS_THREAD_COMM_H
#define CADRE_TESTS_THREAD_COMM_H

#include "base/comm.h"

enum { THREAD_COMM_MOST = 64 }; /* ranks */

/* Runs body(world, arg) on `size` ranks at once, with `limit` seconds of waiting; returns when all
 * have ended. A rank whose body returns while others wait for it has failed them. */
cadre_status thread_comm_run(
    int size, double limit, void (*body)(comm *world, void *arg), void *arg);

#endif
