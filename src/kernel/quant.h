/* quant.h - products with quantised weights in integers: y = x w^T, where w has a block format of
 * THE LIST for which there are kernels.
 *
 * The activations x are quantised to eight bits, row by row, in blocks of QUANT_BLOCK along k. With
 * t the largest magnitude of a block,
 *
 *     scale = t / 127,    q = x * (127 / t)  rounded to the nearest integer, ties to even
 *
 * No other row is looked at, so that the other rows of a batch change nothing. A block of w is its
 * quantised values, with a scale s for each QUANT_BLOCK of them (or for each half), and in some
 * formats a minimum l that is added to each value. Let isum be the exact integer sum of the
 * quantised values times q. Then every output is ONE chain over the blocks of k, from 0:
 *
 *     y = fma(s * scale, isum, y);   with minima, then also:  y = fma(l, scale * sum of q, y)
 *
 * Each product and each sum is rounded to float. So the bits are the same for any number of rows
 * and threads, and for all tiles and CPU variants.
 *
 * Kernels read the weights where they are stored, once for all rows of a call. LANES rows of w at a
 * time are transposed in registers, so that a lane is an output. Some of their blocks, in one form
 * for all formats, make a panel in the L1 cache, and tiles of rows of x pass over it. One or two
 * rows of x (decoding) need no panel and go at the speed of memory. Interleaved weights
 * (quant_interleaved.h) need no transposing; for them up to INTERLEAVED_DIRECT rows of x, a
 * constant of each variant, go without a panel. */
#ifndef CADRE_KERNEL_QUANT_H
#define CADRE_KERNEL_QUANT_H

#include "kernel/gemm.h"

enum { QUANT_BLOCK = 32 };

typedef struct quant_kernel quant_kernel;
typedef struct quant_scratch quant_scratch;

/* The kernel that computes this product; NULL: it is computed in floats. */
const quant_kernel *quant_kernel_of(
    const kernel_variant *v, gemm_kind kind, const gemm_group *g, bool accumulate);

int64_t quant_grain(const kernel_variant *v); /* columns of C that are computed together */

/* Computes the columns n0..n1 of a group's C, on one worker. */
void quant_columns(const kernel_variant *v, const quant_kernel *kernel, const gemm_group *g,
    int64_t n0, int64_t n1, quant_scratch *scratch);

/* Quantised rows of x are kept from one product to the next, which may need the same ones. This
 * forgets them. */
void quant_begin(quant_scratch *scratch);

size_t quant_scratch_bytes(void); /* of one worker; compute_new allocates it */

#endif
