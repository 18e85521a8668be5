/* gemm_kernels.h - what a CPU variant brings to the matrix products: the register tiles
 * (micro-kernels), and ways to move B into the order in which tiles read it.
 *
 * A tile is up to `rows` rows by up to `vecs` vectors of C. It stays in registers over a block of k
 * while this is computed:
 *
 *     acc[r][:] = from[r][:]
 *     for q < k:  acc[r][:] += a[r * a_row + q * a_step] * b[q * b_step + :]
 *     c[r][:] = acc[r][:]
 *
 * An element of A is read alone and broadcast to all lanes; B is read a vector at a time.
 * Everything else is the same for all variants: how an operand lies in memory (gemm_pack.c),
 * blocking and ragged edges (gemm_block.c). */
#ifndef CADRE_KERNEL_GEMM_KERNELS_H
#define CADRE_KERNEL_GEMM_KERNELS_H

#include "kernel/gemm.h"

enum {
    GEMM_MAX_ROWS = 8,
    GEMM_MAX_VECS = 3,
    GEMM_MAX_WIDTH = 16,
    GEMM_MAX_PANEL = GEMM_MAX_VECS * GEMM_MAX_WIDTH,
    GEMM_SKINNY_ROWS = 8,
    GEMM_SKINNY_COLUMNS = 32,
    GEMM_SKINNY_GRAIN = 8,
    GEMM_IN_PLACE_COLUMNS = 576, /* most of a B whose rows are walked down */
};

/* Memory that a tile prefetches while it computes: the rows of C that the next tile will write, and
 * 64 bytes of each of `rows` rows from `at` on for every 16 steps of k. */
typedef struct gemm_prefetch {
    const real *c;
    const char *at;
    int64_t stride, rows; /* stride in bytes */
} gemm_prefetch;

typedef void gemm_tile(int64_t k, const real *a, int64_t a_row, int64_t a_step, const real *b,
    int64_t b_step, const real *from, int64_t from_stride, real *c, int64_t c_stride,
    const gemm_prefetch *prefetch);

/* The number formats that kernels read B from without help. E4M3 and E2M1 have their usual block
 * scales; Q8_0's rows are of whole blocks. All other formats are first unpacked to floats. */
enum { GEMM_FLOAT, GEMM_F16, GEMM_BF16, GEMM_F8, GEMM_E2M1, GEMM_Q8_0, GEMM_SOURCES };

/* Rows of B where they are stored, from a column on at which a block scale begins. */
typedef struct gemm_stored {
    const char *at;
    int64_t stride; /* bytes */
    number_block_scales block_scales;
} gemm_stored;

/* A skinny product: few rows of A times B, which is read once, where it is stored, and never
 * packed. NT, `columns` rows of B:  c[i][j] (+)= sum_q a[i][q] b[j][q]; decoding a token is one (a
 * GEMV). NN, k rows of B:  c[i][j] (+)= sum_q a[i][q] b[q][j]. */
typedef struct gemm_skinny {
    int64_t rows, columns, k; /* columns: a multiple of 8 */
    const real *const *a;
    const char *b;
    int64_t b_stride; /* bytes */
    number_block_scales block_scales;
    real *c;
    int64_t c_stride;
    bool accumulate;
    const char *prefetch; /* memory to prefetch meanwhile, as much of it as is read of B */
} gemm_skinny;

/* Rows of an operand along whose columns tiles read: row q begins at + (rows ? rows[q] : q) *
 * stride. */
typedef struct gemm_rows {
    const real *at;
    int64_t stride;
    const int32_t *rows;
    int64_t columns;
    uint16_t pad; /* as in round_row */
} gemm_rows;

/* Beside an element that has no neighbour in its word: their product is -0, which changes no
 * sum. */
enum { GEMM_PAD_A = 0x8000, GEMM_PAD_B = 0 };

typedef struct gemm_kernels {
    int width; /* elements in a vector */
    int rows, vecs;
    gemm_tile *tile[GEMM_MAX_ROWS][GEMM_MAX_VECS]; /* [rows - 1][vecs - 1] */
    /* out[q * out_step + r] = in[r][q] for r < width and q < k, by source. NULL: rows of this
     * source are unpacked first, which floats never need. */
    void (*transpose[GEMM_SOURCES])(const gemm_stored *in, int64_t k, real *out, int64_t out_step);
    /* NT, and NN with B in place. NULL: the product is packed instead */
    void (*skinny[GEMM_SOURCES])(const gemm_skinny *f),
        (*in_place[GEMM_SOURCES])(const gemm_skinny *f);
    /* out[(q * vecs) * width + :] = vecs vectors of row q of `in`; of row rows[q] where rows are
     * given */
    void (*copy)(
        int vecs, int64_t k, const real *in, int64_t stride, const int32_t *rows, real *out);
    /* count: a multiple of the format's block. NULL: the number format's own unpack is used */
    void (*unpack[GEMM_SOURCES])(const void *in, real *out, int64_t count);
    /* Products of operands that are rounded to bfloat16 (kernel/bf16.h) when they are packed, which
     * both always are. A packed word holds so many neighbours in k, and tiles count words. 0: these
     * kernels do not round */
    int per_word;
    /* out [k / per_word] = k elements of a row; pad: what lies beside the last one, if anything */
    void (*round_row)(int64_t k, const real *in, uint16_t pad, real *out);
    /* out [k / per_word, width] = k rows, of which columns that do not exist are zeros */
    void (*round_rows)(const gemm_rows *in, int64_t k, int64_t width, real *out);
    /* Around a tile: sets the processor's treatment of denormals, and sets it back. NULL: tiles do
     * what is needed */
    uint32_t (*begin)(void);
    void (*end)(uint32_t before);
} gemm_kernels;

extern const gemm_kernels gemm_portable, gemm_avx2, gemm_avx512, gemm_neon;
extern const gemm_kernels gemm_portable_bf16, gemm_avx2_bf16, gemm_avx512_bf16, gemm_avx512bf16;

/* Words that k elements of an operand take, packed */
static inline int64_t gemm_words(const gemm_kernels *kernels, int64_t k)
{
    return kernels->per_word > 1 ? (k + kernels->per_word - 1) / kernels->per_word : k;
}

#endif
