/* limits.h - what this machine can do at most, measured now: the denominators of every benchmark; and their clock. */
#ifndef CADRE_BENCH_LIMITS_H
#define CADRE_BENCH_LIMITS_H

#include "kernel/compute.h"

double bench_seconds(void);        /* of the monotonic clock */
double bench_fma_peak(compute *c); /* float operations a second (a multiply-add is two), all workers */

#endif
