/* compute.h - what arithmetic runs on: the worker pool, the chosen CPU variant, and each worker's
 * scratch memory. kernel/context.h makes it. The kernels include no status codes, so that a change
 * of the public header does not recompile them. */
#ifndef CADRE_KERNEL_COMPUTE_H
#define CADRE_KERNEL_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"
#include "base/real.h"
#include "kernel/variant.h"

typedef struct compute {
    pool *pool;
    const kernel_variant *variant;
    int workers;
    /* Products round their operands to bfloat16 (kernel/bf16.h). Set between calls, by whoever owns
     * the whole of a computation: see compute_in_full */
    bool bf16;
    struct compute_times *times; /* kernel/compute_times.h; NULL: nobody asks */
    void **scratch;              /* [workers], gemm_scratch_bytes() each */
    void **quant_scratch;        /* [workers], quant_scratch_bytes() each */
    real *pair_scratch; /* [pair_room] of all workers (op/low_rank.h); NULL: nothing has pairs */
    int64_t pair_room;
} compute;

/* Until the value it returns is put back, products are of floats: routers decide in these. */
static inline bool compute_in_full(compute *c)
{
    bool before = c->bf16;
    c->bf16 = false;
    return before;
}

#endif
