/* gemm_kernels.h - what a CPU variant brings to the matrix products. */
#ifndef CADRE_KERNEL_GEMM_KERNELS_H
#define CADRE_KERNEL_GEMM_KERNELS_H

#include "kernel/gemm.h"

typedef struct gemm_kernels {
    /* c[m0..m1, n0..n1] of one group, all of k */
    void (*block)(gemm_kind kind, const gemm_group *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1, bool accumulate,
                  void *scratch);
} gemm_kernels;

#endif
