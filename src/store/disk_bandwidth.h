/* disk_bandwidth.h - how fast the disk gives a file's bytes, past the page cache. */
#ifndef CADRE_STORE_DISK_BANDWIDTH_H
#define CADRE_STORE_DISK_BANDWIDTH_H

#include "base/read_queue.h"

enum { DISK_SIZES = 2 };

/* What reads of each size brought. A disk that others use too changes from second to second: what
 * is to be compared with it is measured between two sweeps, which are added up. */
typedef struct disk_sweep {
    double bytes[DISK_SIZES], seconds[DISK_SIZES];
} disk_sweep;

/* Adds reads of several sizes, many at once, at random places of the file; about `seconds` in all.
 * A file that is too small to measure adds nothing. */
cadre_status disk_sweep_add(const direct_file *file, double seconds, disk_sweep *sweep);
double disk_bandwidth(const disk_sweep *sweep); /* bytes a second of the best size; 0: none */

#endif
