/* bad_disk.h - an engine for read queues that finishes reads in a random order, late, in pieces,
 * after interruptions, or with a failure, as it is told. */
#ifndef CADRE_TESTS_BAD_DISK_H
#define CADRE_TESTS_BAD_DISK_H

#include "base/read_queue.h"

/* Set before a queue is opened. All zero: in order, and well. */
typedef struct bad_disk_manner {
    uint64_t seed;
    bool shuffled;            /* any of the waiting reads is next */
    double shorts;            /* chance that only a part of the bytes comes */
    double interrupted;       /* chance of EINTR or EAGAIN */
    double slow;              /* chance of a pause */
    int64_t fails_after;      /* reads from this one on fail with EIO; 0: none */
    int64_t ends_after;       /* reads from this one on find the file's end; 0: none */
    int64_t bad_from, bad_to; /* bytes of a file that cannot be read; equal: none */
    bool stalled;             /* nothing is read until it is false again */
} bad_disk_manner;
extern bad_disk_manner bad_disk_manners;
extern const read_engine bad_disk;

int64_t bad_disk_reads(void); /* started, since a queue was opened last */
void bad_disk_wake(void);     /* after stalled is set to false */

#endif
