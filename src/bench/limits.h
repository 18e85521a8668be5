/* limits.h - what this machine can do at most, measured now. Every benchmark is a share of
 * these. */
#ifndef CADRE_BENCH_LIMITS_H
#define CADRE_BENCH_LIMITS_H

#include "kernel/compute.h"

/* Floating-point operations per second of all workers; a multiply-add counts as two. */
double bench_fma_peak(compute *c);
/* Bytes per second that all workers together read from memory well beyond the caches; 0: there is
 * no memory to measure on. */
double bench_bandwidth(compute *c);

/* Runs `run` once to warm up, then a few times or until `seconds` have passed. Returns the shortest
 * time. */
double bench_best(void (*run)(void *arg), void *arg, double seconds);

#endif
