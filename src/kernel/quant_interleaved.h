/* quant_interleaved.h - quantised matrices in a row-interleaved layout, which kernels read as one
 * stream and need not transpose.
 *
 * The rows are put in groups of as many as the variant has lanes; the last group is filled up with
 * zeros. A group is its blocks in the order of k, and a block of a group is the blocks of its rows
 * word by word. For four lanes and blocks of two words:
 *
 *     as files have it:   row 0: a0 a1 | a2 a3     row 1: b0 b1 | b2 b3     row 2: c0 ...
 *     interleaved:        a0 b0 c0 d0  a1 b1 c1 d1 | a2 b2 c2 d2  a3 b3 c3 d3
 *
 * Some blocks are not a multiple of four bytes long. Their one odd element, a scale of two bytes or
 * one, is first or last, and is interleaved likewise. So what is at byte i of a row's block is at
 * byte i * lanes of the group's block, for all rows side by side. */
#ifndef CADRE_KERNEL_QUANT_INTERLEAVED_H
#define CADRE_KERNEL_QUANT_INTERLEAVED_H

#include "kernel/gemm.h"

/* Bytes of an interleaved matrix [rows, cols]. 0: this variant cannot multiply such a matrix
 * interleaved, or would not be faster. */
size_t quant_interleaved_bytes(
    const kernel_variant *v, const number_format *format, int64_t rows, int64_t cols);

/* Interleaves the groups begin .. end of the matrix w, whose rows lie `stride` elements apart;
 * `interleaved` is where group 0 is to be. */
void quant_interleave(const kernel_variant *v, const number_format *format, int64_t rows,
    int64_t cols, const void *w, int64_t stride, int64_t begin, int64_t end, void *interleaved);

#endif
