/* parallel.h - how an op's rows, columns or heads are shared out: one range a worker, fixed by the
 * worker's index.
 *
 * Ranges are of outputs, never of a sum, so the number of workers changes no bit. Small jobs stay
 * on the caller. */
#ifndef CADRE_OP_PARALLEL_H
#define CADRE_OP_PARALLEL_H

#include <stdint.h>

#include "kernel/compute.h"
#include "kernel/rows.h"

typedef void (*parallel_task)(void *arg, int64_t begin, int64_t end);

/* task(arg, begin, end) over 0..count, cut at multiples of grain; `work` is about the numbers
 * touched in all. */
void parallel_over(
    const compute *c, int64_t count, int64_t grain, int64_t work, parallel_task task, void *arg);

#endif
