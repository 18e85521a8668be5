/* disk_bandwidth.h - measures how fast a file is read from the disk, past the page cache. */
#ifndef CADRE_STORE_DISK_BANDWIDTH_H
#define CADRE_STORE_DISK_BANDWIDTH_H

#include "base/read_queue.h"

enum { DISK_SIZES = 2 };

/* Bytes and seconds of reads of each size. The bandwidth of a disk that other programs use changes
 * from second to second. So a time that is to be compared with it is measured between two
 * measurements of the disk, which are added up. */
typedef struct disk_measurement {
    double bytes[DISK_SIZES], seconds[DISK_SIZES];
} disk_measurement;

/* Adds a measurement of about `seconds` in all: reads of several sizes, many at once, at random
 * places of the file. A file that is too small adds nothing. */
cadre_status disk_measurement_add(
    const direct_file *file, double seconds, disk_measurement *measurement);
double disk_bandwidth(
    const disk_measurement *measurement); /* bytes a second, of the best size; 0: none */

#endif
