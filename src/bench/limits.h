/* limits.h - what this machine can do at most, measured now: the denominators of every
 * benchmark. */
#ifndef CADRE_BENCH_LIMITS_H
#define CADRE_BENCH_LIMITS_H

#include "kernel/compute.h"

/* Float operations a second (a multiply-add is two), all workers */
double bench_fma_peak(compute *c);
/* Bytes a second that all workers together read from memory well beyond the caches; 0: no memory to
 * measure on. */
double bench_bandwidth(compute *c);

/* Runs `run` once to warm up, then again until there are a few times or `seconds` have passed; the
 * shortest time. */
double bench_best(void (*run)(void *arg), void *arg, double seconds);

#endif
