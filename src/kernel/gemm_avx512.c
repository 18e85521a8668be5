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
static inline vec vec_multiply(vec a, vec b) { return _mm512_mul_ps(a, b); }
static inline vec vec_of_halves(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
static inline vec vec_of_bfloats(const void *p)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
static inline vec vec_of_bytes(const void *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

    #include "kernel/gemm_pack.h"
    #include "kernel/gemm_template.h"
    #include "kernel/gemm_x86.h"
    #include "kernel/gemm_x86_in_place.h"
    #include "kernel/gemm_x86_quantised.h"
    #include "kernel/gemm_x86_bf16.h"

const gemm_kernels gemm_avx512 = {
    .width = WIDTH,
    .rows = ROWS,
    .vecs = VECS,
    .tile = { TILES_8 },
    .copy = copy,
    .transpose = TRANSPOSES,
    .skinny = SKINNY,
    .in_place = IN_PLACE,
    .unpack = { [GEMM_F16] = unpack_f16, [GEMM_BF16] = unpack_bf16, [GEMM_Q8_0] = unpack_q8_0 },
};

const gemm_kernels gemm_avx512_bf16 = {
    .width = WIDTH,
    .rows = ROWS,
    .vecs = VECS,
    .tile = { TILES_8 },
    .copy = copy,
    .transpose = { transpose_float },
    .unpack = { [GEMM_F16] = unpack_f16, [GEMM_BF16] = unpack_bf16, [GEMM_Q8_0] = unpack_q8_0 },
    .per_word = 1,
    .round_row = round_row,
    .round_rows = round_rows,
    .begin = flush_begin,
    .end = flush_end,
};
#endif
