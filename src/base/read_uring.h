/* read_uring.h - the engine on the kernel's io_uring, which has all reads in flight at once. Its
 * open fails where the library is built without it, or the kernel forbids it, as in many
 * containers. */
#ifndef CADRE_BASE_READ_URING_H
#define CADRE_BASE_READ_URING_H

#include "base/read_queue.h"

extern const read_engine read_uring;

#endif
