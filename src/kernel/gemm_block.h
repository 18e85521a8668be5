/* gemm_block.h - the blocking of one worker's slice of a product. */
#ifndef CADRE_KERNEL_GEMM_BLOCK_H
#define CADRE_KERNEL_GEMM_BLOCK_H

#include "kernel/gemm_pack.h"

/* Packed A is kept from one slice to the next, which may need the same one. A call begins by
 * forgetting it, for the memory that it was packed from may hold something else by now. */
void gemm_block_begin(gemm_scratch *scratch);
void gemm_block(const gemm_slice *slice, gemm_scratch *scratch);

#endif
