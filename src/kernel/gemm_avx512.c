/* gemm_avx512.c - tiles of 8 x 48 in thirty-two registers of sixteen floats: 24 accumulators, 3
 * vectors of B and 1 of A. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include <immintrin.h>
    #include <math.h>
    #include <string.h>

typedef __m512 vec;
enum { WIDTH = 16, ROWS = 8, VECS = 3 };
    #define TILE_ROWS 8

static inline vec vec_load(const real *p) { return _mm512_loadu_ps(p); }
static inline void vec_store(real *p, vec x) { _mm512_storeu_ps(p, x); }
static inline vec vec_all(real x) { return _mm512_set1_ps(x); }
static inline vec vec_keep(vec x)
{
    __asm__("" : "+v"(x));
    return x;
}
static inline vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }

    #include "kernel/gemm_pack.h"
    #include "kernel/gemm_template.h"
    #include "kernel/gemm_x86.h"
    #include "kernel/gemm_x86_quantised.h"

const gemm_kernels gemm_avx512 = {
    .width = WIDTH,
    .rows = ROWS,
    .vecs = VECS,
    .tile = { TILES_8 },
    .copy = copy,
    .transpose = TRANSPOSES,
    .skinny = SKINNY,
    .unpack = { [GEMM_F16] = unpack_f16, [GEMM_BF16] = unpack_bf16 },
};
#endif
