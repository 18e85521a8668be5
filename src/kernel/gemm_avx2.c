/* gemm_avx2.c - tiles of 4 x 24 in sixteen registers of eight floats: 12 sums, 3 numbers of y, 1 of x; seven loads feed twelve
 * multiply-adds. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
#include <immintrin.h>

typedef __m256 vec;
enum { WIDTH = 8, ROWS = 4, VECS = 3 };
#define TILE_ROWS 4

static inline vec vec_load(const real *p) { return _mm256_loadu_ps(p); }
static inline void vec_store(real *p, vec x) { _mm256_storeu_ps(p, x); }
static inline vec vec_all(real x) { return _mm256_set1_ps(x); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }

#include "kernel/gemm_template.h"

/* Four numbers of row r and of row r + 4 in the two halves of a register. */
INLINE vec halves(const real *in, int64_t stride)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(in)), _mm_loadu_ps(in + 4 * stride), 1);
}

/* A 4 x 4 transposition in each half. */
INLINE void transpose_4(const real *in, int64_t stride, real *out, int64_t out_step)
{
    vec r0 = halves(in, stride), r1 = halves(in + stride, stride);
    vec r2 = halves(in + 2 * stride, stride), r3 = halves(in + 3 * stride, stride);
    vec low01 = _mm256_unpacklo_ps(r0, r1), high01 = _mm256_unpackhi_ps(r0, r1);
    vec low23 = _mm256_unpacklo_ps(r2, r3), high23 = _mm256_unpackhi_ps(r2, r3);
    vec_store(out, _mm256_shuffle_ps(low01, low23, 0x44));
    vec_store(out + out_step, _mm256_shuffle_ps(low01, low23, 0xee));
    vec_store(out + 2 * out_step, _mm256_shuffle_ps(high01, high23, 0x44));
    vec_store(out + 3 * out_step, _mm256_shuffle_ps(high01, high23, 0xee));
}

static void transpose(const real *in, int64_t stride, int64_t k, real *out, int64_t out_step)
{
    int64_t q = 0;
    for (; q + 16 <= k; q += 16) /* a cache line of each row at once */
        for (int i = 0; i < 16; i += 4) transpose_4(in + q + i, stride, out + (q + i) * out_step, out_step);
    for (; q < k; q++)
        for (int r = 0; r < WIDTH; r++) out[q * out_step + r] = in[r * stride + q];
}

static void unpack_f16(const void *in, real *out, int64_t count)
{
    const uint16_t *half = in;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) vec_store(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(half + i))));
    for (; i < count; i++) out[i] = _cvtsh_ss(half[i]);
}

static void unpack_bf16(const void *in, real *out, int64_t count)
{
    const uint16_t *half = in;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(half + i)));
        vec_store(out + i, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
    }
    number_bf16.unpack(half + i, out + i, count - i);
}

const gemm_kernels gemm_avx2 = {
    .width = WIDTH, .rows = ROWS, .vecs = VECS, .tile = { TILES_4 }, .transpose = transpose, .copy = copy,
    .unpack_f16 = unpack_f16, .unpack_bf16 = unpack_bf16, .multiply_adds = multiply_adds, .read = read_memory,
};
#endif
