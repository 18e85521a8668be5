/* gemm_block.h - one worker's part of one product: blocks of k, rows and columns, packed operands, register tiles. */
#ifndef CADRE_KERNEL_GEMM_BLOCK_H
#define CADRE_KERNEL_GEMM_BLOCK_H

#include "kernel/gemm_kernels.h"

/* The rows m0..m1 and columns n0..n1 of a group's c, over all of k. */
typedef struct gemm_part {
    const gemm_kernels *kernels;
    gemm_kind kind;
    const gemm_group *group;
    int64_t m0, m1, n0, n1;
    bool accumulate;
} gemm_part;

typedef struct gemm_scratch gemm_scratch;

void gemm_block(const gemm_part *part, gemm_scratch *scratch);

/* A packing of a is kept from one part to the next, which may need the same one; this forgets it. */
void gemm_block_begin(gemm_scratch *scratch);

#endif
