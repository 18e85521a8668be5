/* gemm_portable_bf16.c - products of bfloat16 operands in plain C: the definition that the others
 * are compared with. An operand is packed as a float that has been rounded. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include "kernel/bf16.h"

typedef real vec;
enum { WIDTH = 1, ROWS = 4, VECS = 3 };
    #define TILE_ROWS 4

static inline vec vec_load(const real *p) { return *p; }
static inline void vec_store(real *p, vec x) { *p = x; }
static inline vec vec_all(real x) { return x; }
static inline vec vec_keep(vec x) { return x; }
static inline vec vec_fma(vec a, vec b, vec c) { return bf16_step(a, b, c); }

    #include "kernel/gemm_template.h"

static void transpose(const gemm_stored *in, int64_t k, real *out, int64_t out_step)
{
    const real *row = (const real *)(const void *)in->at;
    for (int64_t q = 0; q < k; q++) out[q * out_step] = row[q];
}

static void round_row(int64_t k, const real *in, uint16_t pad, real *out)
{
    (void)pad;
    for (int64_t q = 0; q < k; q++) out[q] = bf16_round(in[q]);
}

static void round_rows(const gemm_rows *in, int64_t k, int64_t width, real *out)
{
    for (int64_t q = 0; q < k; q++, out += width) {
        const real *row = in->at + (in->rows ? in->rows[q] : q) * in->stride;
        for (int64_t j = 0; j < width; j++) out[j] = j < in->columns ? bf16_round(row[j]) : 0;
    }
}

const gemm_kernels gemm_portable_bf16 = {
    .width = WIDTH,
    .rows = ROWS,
    .vecs = VECS,
    .tile = { TILES_4 },
    .transpose = { transpose },
    .copy = copy,
    .per_word = 1,
    .round_row = round_row,
    .round_rows = round_rows,
};
#endif
