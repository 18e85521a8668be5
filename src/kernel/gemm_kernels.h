/* gemm_kernels.h - what a CPU variant brings to the matrix products: register tiles, and moves of b
 * into the order of tiles.
 *
 * A tile is up to `rows` rows by up to `vecs` vectors of c that stay in registers over a block of
 * k:
 *
 *     acc[r][:] = from[r][:];   for q < k:  acc[r][:] += x[r*x_row + q*x_step] * y[q*y_step + :];
 *                               c[r][:] = acc[r][:]
 *
 * x is read one number at a time and given to every lane, y a vector at a time. All else (which
 * operand lies how, blocking, ragged edges) is the same for all variants: gemm_pack.c,
 * gemm_block.c. */
#ifndef CADRE_KERNEL_GEMM_KERNELS_H
#define CADRE_KERNEL_GEMM_KERNELS_H

#include "kernel/gemm.h"

enum {
    GEMM_MAX_ROWS = 8,
    GEMM_MAX_VECS = 3,
    GEMM_MAX_WIDTH = 16,
    GEMM_MAX_PANEL = GEMM_MAX_VECS * GEMM_MAX_WIDTH,
    GEMM_FEW_ROWS = 8,
    GEMM_FEW_COLUMNS = 32,
    GEMM_FEW_GRAIN = 8,
};

/* Memory that is fetched while a tile computes: c's lines of the next tile, laid out as this one's;
 * and, for every 16 steps of k, 64 bytes of each of `rows` rows. */
typedef struct gemm_ahead {
    const real *c;
    const char *at;
    int64_t stride, rows; /* stride in bytes */
} gemm_ahead;

typedef void gemm_tile(int64_t k, const real *x, int64_t x_row, int64_t x_step, const real *y,
    int64_t y_step, const real *from, int64_t from_stride, real *c, int64_t c_stride,
    const gemm_ahead *ahead);

/* What kernels read b from themselves: number formats, the last two with their usual factors.
 * Others are unpacked before. */
enum { GEMM_REALS, GEMM_F16, GEMM_BF16, GEMM_F8, GEMM_E2M1, GEMM_SOURCES };

/* Rows of b as they lie, from a column on at which a factor begins. */
typedef struct gemm_stored {
    const char *at;
    int64_t stride; /* bytes */
    number_factors factors;
} gemm_stored;

/* A product with few rows: a's rows times `columns` rows of b, b read once, as it lies: c[i][j]
 * (+)= sum_q a[i][q] b[j][q]. */
typedef struct gemm_few {
    int64_t rows, columns, k; /* columns: a multiple of 8 */
    const real *const *a;
    const char *b;
    int64_t b_stride; /* bytes */
    number_factors factors;
    real *c;
    int64_t c_stride;
    bool accumulate;
    const char *ahead; /* memory to fetch meanwhile, as much as is read of b */
} gemm_few;

typedef struct gemm_kernels {
    int width; /* reals in a vector */
    int rows, vecs;
    gemm_tile *tile[GEMM_MAX_ROWS][GEMM_MAX_VECS]; /* [rows - 1][vecs - 1] */
    /* out[q * out_step + r] = in[r][q] for r < width, q < k; rows of a source. NULL: unpack them
     * first, which reals never need */
    void (*transpose[GEMM_SOURCES])(const gemm_stored *in, int64_t k, real *out, int64_t out_step);
    void (*few[GEMM_SOURCES])(const gemm_few *f); /* NULL: no such thing */
    /* out[(q * vecs) * width + :] = vecs vectors of in's row q (of row rows[q], where rows are
     * given) */
    void (*copy)(
        int vecs, int64_t k, const real *in, int64_t stride, const int32_t *rows, real *out);
    /* NULL: the format's own unpack */
    void (*unpack[GEMM_SOURCES])(const void *in, real *out, int64_t count);
} gemm_kernels;

extern const gemm_kernels gemm_portable, gemm_avx2, gemm_avx512, gemm_neon;

#endif
