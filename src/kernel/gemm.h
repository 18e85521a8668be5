/* gemm.h - the matrix products: three kinds, many groups in one call.
 *
 * All matrices are row-major. Of the three products that training needs, with x [T, K], w [N, K],
 * dy [T, N]:
 *     GEMM_NT  c[m,n] = sum_k a[m,k] b[n,k]     forward            y  = x . w^T
 *     GEMM_NN  c[m,n] = sum_k a[m,k] b[k,n]     input gradient     dx = dy . w
 *     GEMM_TN  c[m,n] = sum_k a[k,m] b[k,n]     weight gradient    dw = dy^T . x
 *
 * Sameness: every element of c is ONE chain of fused multiply-adds in the order of k, starting from
 * 0 or (accumulate) from the c that is there, stored as `real` between blocks. Blocking, threads,
 * variants, gathered rows and the company of other rows or groups cannot change a bit; every
 * variant equals the portable one exactly. */
#ifndef CADRE_KERNEL_GEMM_H
#define CADRE_KERNEL_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"
#include "kernel/compute.h"
#include "kernel/matrix.h"

typedef enum gemm_kind { GEMM_NT, GEMM_NN, GEMM_TN } gemm_kind;

/* One product. Strides are in elements, between stored rows. a_rows (b_rows), where given, says
 * which stored row of a (b) takes the place of row i: dispatched tokens are gathered while packing.
 * a_rows indexes m in NT and NN, k in TN; b_rows k, in TN alone. b has any number format in NT and
 * NN. A group with m == 0 does nothing; k == 0 without accumulate writes zeros. */
typedef struct gemm_group {
    int64_t m, n, k;
    const real *a;
    int64_t a_stride;
    const int32_t *a_rows;
    matrix b; /* .strips: for GEMM_NT without accumulate */
    const int32_t *b_rows;
    real *c; /* [m, n] */
    int64_t c_stride;
} gemm_group;

/* All groups in one call over all workers. Neighbouring groups with the same (a, a_rows, m, k)
 * share one packing of a. */
void gemm_grouped(
    compute *c, gemm_kind kind, const gemm_group *groups, int64_t count, bool accumulate);

/* One product on the calling worker alone (attention's small products); `worker` names its
 * scratch. */
void gemm_serial(compute *c, int worker, gemm_kind kind, const gemm_group *group, bool accumulate);

/* One product over all workers. */
static inline void gemm(compute *c, gemm_kind kind, int64_t m, int64_t n, int64_t k, const real *a,
    int64_t a_stride, const real *b, int64_t b_stride, real *out, int64_t out_stride,
    bool accumulate)
{
    gemm_group g = { .m = m,
        .n = n,
        .k = k,
        .a = a,
        .a_stride = a_stride,
        .b = matrix_of_reals(b, b_stride),
        .c = out,
        .c_stride = out_stride };
    gemm_grouped(c, kind, &g, 1, accumulate);
}

size_t gemm_scratch_bytes(void); /* of one worker; compute_new allocates it */

#endif
