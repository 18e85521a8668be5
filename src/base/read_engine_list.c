/* read_engine_list.c - THE LIST of engines that read for a queue. */
#include "base/read_threads.h"
#include "base/read_uring.h"

const read_engine *const read_engine_list[] = { &read_uring, &read_threads, NULL };
