/* disk_bandwidth.h - how fast the disk gives a file's bytes, past the page cache. */
#ifndef CADRE_STORE_DISK_BANDWIDTH_H
#define CADRE_STORE_DISK_BANDWIDTH_H

#include "base/read_queue.h"

/* Bytes a second: the best of reads of several sizes, many at once, at random places of the file;
 * about `seconds` in all. 0: the file is too small to measure. */
cadre_status disk_bandwidth(const direct_file *file, double seconds, double *bytes);

#endif
