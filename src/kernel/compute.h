/* compute.h - what arithmetic runs on: the worker pool, the chosen CPU variant, and each worker's scratch. */
#ifndef CADRE_KERNEL_COMPUTE_H
#define CADRE_KERNEL_COMPUTE_H

#include "base/pool.h"
#include "base/status.h"
#include "kernel/variant.h"

typedef struct compute {
    pool *pool;
    const kernel_variant *variant;
    int workers;
    void **scratch; /* [workers], gemm_scratch_bytes() each */
    void **quant_scratch; /* [workers], quant_scratch_bytes() each */
} compute;

/* threads 0: the cores this process may use. variant NULL: CADRE_CPU if set, else the best that the machine has. */
cadre_status compute_new(int threads, const char *variant, compute **c);
void compute_free(compute *c);
size_t compute_bytes(const compute *c); /* of its workers' scratch */

#endif
