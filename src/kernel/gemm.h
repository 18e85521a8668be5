/* gemm.h - the matrix products C = A B of the library: three kinds, and many groups in one call.
 *
 * All matrices are row-major. A layer with the weight w [N, K], the input x [T, K] and the gradient
 * dy [T, N] of its output needs three products. In each, the first factor is A and the second is B:
 *
 *     GEMM_NT  c[m,n] = sum_k a[m,k] b[n,k]     forward            y  = x . w^T
 *     GEMM_NN  c[m,n] = sum_k a[m,k] b[k,n]     input gradient     dx = dy . w
 *     GEMM_TN  c[m,n] = sum_k a[k,m] b[k,n]     weight gradient    dw = dy^T . x
 *
 * The second letter says whether B is transposed, the first whether A is.
 *
 * Bitwise reproducibility: every element of C is ONE chain of fused multiply-adds in the order of
 * k. It starts from 0, or with `accumulate` from the element of C that is there, and between blocks
 * of k it is stored as `real`. Therefore neither blocking, nor the number of threads, nor gathered
 * rows, nor the other rows and groups of a call can change a bit of it, and every CPU variant gives
 * exactly what the portable one gives. */
#ifndef CADRE_KERNEL_GEMM_H
#define CADRE_KERNEL_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"
#include "kernel/compute.h"
#include "kernel/matrix.h"

typedef enum gemm_kind { GEMM_NT, GEMM_NN, GEMM_TN } gemm_kind;

/* One product. Strides are in elements, between stored rows. Where a_rows (b_rows) is given, it
 * says which stored row of A (B) takes the place of row i: the tokens of an expert are gathered
 * while they are packed. a_rows has an entry for each m in NT and NN and for each k in TN; b_rows
 * has one for each k, and is for TN alone. In NT and NN, B may have any number format. A group with
 * m == 0 does nothing; k == 0 without accumulate writes zeros. */
typedef struct gemm_group {
    int64_t m, n, k;
    const real *a;
    int64_t a_stride;
    const int32_t *a_rows;
    matrix b; /* interleaved (quant_interleaved.h): for GEMM_NT without accumulate alone */
    const int32_t *b_rows;
    real *c; /* [m, n] */
    int64_t c_stride;
} gemm_group;

/* Computes all groups in one call, over all workers. Neighbouring groups with the same
 * (a, a_rows, m, k) share one packing of A: the gate and the up projection of an expert do. */
void gemm_grouped(
    compute *c, gemm_kind kind, const gemm_group *groups, int64_t count, bool accumulate);

/* Computes one product on the calling worker alone, as attention does with its small ones. `worker`
 * says whose scratch memory it may use. */
void gemm_serial(compute *c, int worker, gemm_kind kind, const gemm_group *group, bool accumulate);

/* The same for several products one after another, between which no A changes: what is made of an A
 * serves the next product too. next_b: what that one will read first of its B; NULL: not known. */
void gemm_serial_begin(compute *c, int worker);
void gemm_serial_next(compute *c, int worker, gemm_kind kind, const gemm_group *group,
    bool accumulate, const void *next_b);

/* Computes one product over all workers. */
static inline void gemm(compute *c, gemm_kind kind, int64_t m, int64_t n, int64_t k, const real *a,
    int64_t a_stride, const real *b, int64_t b_stride, real *out, int64_t out_stride,
    bool accumulate)
{
    gemm_group g = { .m = m,
        .n = n,
        .k = k,
        .a = a,
        .a_stride = a_stride,
        .b = matrix_of_floats(b, b_stride),
        .c = out,
        .c_stride = out_stride };
    gemm_grouped(c, kind, &g, 1, accumulate);
}

size_t gemm_scratch_bytes(void); /* of one worker; compute_new allocates it */

#endif
