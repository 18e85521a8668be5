/* thread_comm.h - ranks that are threads of one process, for tests of what ranks do together. */
#ifndef CADRE_TESTS_THREAD_COMM_H
#define CADRE_TESTS_THREAD_COMM_H

#include "base/comm.h"

enum { THREAD_COMM_MOST = 8 };

/* Runs body(comm, arg) on `size` ranks at once; returns when all have. */
void thread_comm_run(int size, void (*body)(const comm *c, void *arg), void *arg);

#endif
