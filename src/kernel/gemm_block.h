/* gemm_block.h - the blocking of one worker's part of a product. */
#ifndef CADRE_KERNEL_GEMM_BLOCK_H
#define CADRE_KERNEL_GEMM_BLOCK_H

#include "kernel/gemm_pack.h"

/* A packing of a is kept from one part to the next, which may need the same one; a call begins by
 * forgetting it. */
void gemm_block_begin(gemm_scratch *scratch);
void gemm_block(const gemm_part *part, gemm_scratch *scratch);

#endif
