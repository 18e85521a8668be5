/* quant_strips.h - quantised matrices laid out again, so that kernels read them as one stream and
 * transpose nothing.
 *
 * Rows lie in strips of as many as the variant has lanes; the last strip is filled up with zeros. A
 * strip is its blocks in the order of k, and a block of a strip the blocks of its rows word by
 * word: word 0 of every row, word 1 of every row, and so on. Where a block's bytes are not whole
 * words, its one odd number, a scale of two bytes or one, keeps its place, first or last. So what
 * is at byte i of a row's block is at byte i * lanes of the strip's, for all rows beside each
 * other. */
#ifndef CADRE_KERNEL_QUANT_STRIPS_H
#define CADRE_KERNEL_QUANT_STRIPS_H

#include "kernel/gemm.h"

/* Bytes of a matrix [rows, cols] in strips; 0: this variant does not multiply such a matrix in
 * strips, or not faster. */
size_t quant_strips_bytes(
    const kernel_variant *v, const number_format *format, int64_t rows, int64_t cols);

/* Strips begin .. end of the matrix whose rows lie `stride` numbers apart from w on; `strips` is
 * where strip 0 is to be. */
void quant_strips_lay(const kernel_variant *v, const number_format *format, int64_t rows,
    int64_t cols, const void *w, int64_t stride, int64_t begin, int64_t end, void *strips);

#endif
