/* quant.h - products with quantised weights in integers: y = x w^T, where w is in a block format of
 * THE LIST that has kernels.
 *
 * The numbers of x are rounded to eight bits, row by row and in blocks of QUANT_BLOCK along k: with
 * t the largest magnitude of a block, scale = t / 127 and q = x * (127 / t) to the nearest whole
 * number, ties to even. No other row is looked at, so that company changes nothing. A block of w is
 * codes with a scale s each QUANT_BLOCK (or half of them), and in some formats a minimum l that is
 * added to each. With isum the exact whole sum of codes times q, every output is ONE chain over k's
 * blocks, from 0:
 *
 *     y = fma(s * scale, isum, y);   where there are minima:  y = fma(l, scale * sum of q, y)
 *
 * each product and sum rounded to float: the same bits for any rows, threads, tiles and CPU
 * variants.
 *
 * Kernels read the weights where they lie, once for all rows of a call: LANES rows of w at a time,
 * transposed in registers so that a lane is an output. The panel of some blocks is then in the
 * first cache, in one form for all formats, and tiles of rows of x pass over it. A row or two
 * (decoding) go without a panel, at the speed of memory. Weights that were laid out again
 * (quant_strips.h) need no transposing: up to STRIPS_DIRECT rows of x, a stamp's own number, go
 * without a panel. */
#ifndef CADRE_KERNEL_QUANT_H
#define CADRE_KERNEL_QUANT_H

#include "kernel/gemm.h"

enum { QUANT_BLOCK = 32 };

typedef struct quant_kernel quant_kernel;
typedef struct quant_scratch quant_scratch;

/* The kernel that computes this product, or NULL: it goes by way of floats. */
const quant_kernel *quant_kernel_of(
    const kernel_variant *v, gemm_kind kind, const gemm_group *g, bool accumulate);

int64_t quant_grain(const kernel_variant *v); /* columns that are computed together */

/* Columns n0..n1 of a group's c, on one worker. */
void quant_columns(const kernel_variant *v, const quant_kernel *kernel, const gemm_group *g,
    int64_t n0, int64_t n1, quant_scratch *scratch);

/* Rounded rows are kept from one product to the next, which may need the same ones; this forgets
 * them. */
void quant_begin(quant_scratch *scratch);

size_t quant_scratch_bytes(void); /* of one worker; compute_new allocates it */

#endif
