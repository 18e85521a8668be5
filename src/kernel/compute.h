/* compute.h - what arithmetic runs on: the worker pool, the chosen CPU variant, and each worker's
 * scratch memory. kernel/context.h makes it. The kernels include no status codes, so that a change
 * of the public header does not recompile them. */
#ifndef CADRE_KERNEL_COMPUTE_H
#define CADRE_KERNEL_COMPUTE_H

#include <stddef.h>

#include "base/pool.h"
#include "kernel/variant.h"

typedef struct compute {
    pool *pool;
    const kernel_variant *variant;
    int workers;
    void **scratch;       /* [workers], gemm_scratch_bytes() each */
    void **quant_scratch; /* [workers], quant_scratch_bytes() each */
} compute;

#endif
