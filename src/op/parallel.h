/* parallel.h - how workers share an op's rows, columns or heads: each has one range, which its
 * index determines.
 *
 * Ranges are ranges of outputs, never of the terms of a sum, so that the number of workers changes
 * no bit. Small jobs run on the calling thread. */
#ifndef CADRE_OP_PARALLEL_H
#define CADRE_OP_PARALLEL_H

#include <stdint.h>

#include "kernel/compute.h"
#include "kernel/rows.h"

typedef void (*parallel_task)(void *arg, int64_t begin, int64_t end);

/* Runs task(arg, begin, end) on ranges of 0..count, split at multiples of grain. `work` is about
 * the number of elements that are touched in all. */
void parallel_over(
    const compute *c, int64_t count, int64_t grain, int64_t work, parallel_task task, void *arg);

/* to [count] += from */
void parallel_add(const compute *c, int64_t count, const real *from, real *to);

#endif
