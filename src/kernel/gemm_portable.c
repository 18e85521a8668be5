/* gemm_portable.c - the tiles in plain C: for machines without vectors of ours, and the only ones
 * where `real` may be double. */
#include "base/real.h"

typedef real vec;
enum { WIDTH = 1, ROWS = 4, VECS = 3 };
#define TILE_ROWS 4

static inline vec vec_load(const real *p) { return *p; }
static inline void vec_store(real *p, vec x) { *p = x; }
static inline vec vec_all(real x) { return x; }
static inline vec vec_keep(vec x) { return x; }
static inline vec vec_fma(vec a, vec b, vec c) { return real_fma(a, b, c); }

#include "kernel/gemm_template.h"

static void transpose(const gemm_stored *in, int64_t k, real *out, int64_t out_step)
{
    const real *row = (const real *)(const void *)in->at;
    for (int64_t q = 0; q < k; q++) out[q * out_step] = row[q];
}

const gemm_kernels gemm_portable = {
    .width = WIDTH,
    .rows = ROWS,
    .vecs = VECS,
    .tile = { TILES_4 },
    .transpose = { transpose },
    .copy = copy,
};
