/* read_threads.h - the engine that reads everywhere: a few threads, each with one read at a
 * time. */
#ifndef CADRE_BASE_READ_THREADS_H
#define CADRE_BASE_READ_THREADS_H

#include "base/read_queue.h"

extern const read_engine read_threads;

#endif
