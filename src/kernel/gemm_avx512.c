/* gemm_avx512.c - tiles of 8 x 48 in thirty-two registers of sixteen floats: 24 sums, 3 numbers of y, 1 of x. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
#include <immintrin.h>

typedef __m512 vec;
enum { WIDTH = 16, ROWS = 8, VECS = 3 };
#define TILE_ROWS 8

static inline vec vec_load(const real *p) { return _mm512_loadu_ps(p); }
static inline void vec_store(real *p, vec x) { _mm512_storeu_ps(p, x); }
static inline vec vec_all(real x) { return _mm512_set1_ps(x); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }

#include "kernel/gemm_template.h"

/* Four numbers each of rows r, r + 4, r + 8, r + 12 in the four quarters of a register: masked broadcasts, which need no
 * shuffle. */
INLINE vec quarters(const real *in, int64_t stride)
{
    vec x = _mm512_castps128_ps512(_mm_loadu_ps(in));
    x = _mm512_mask_broadcast_f32x4(x, 0x00f0, _mm_loadu_ps(in + 4 * stride));
    x = _mm512_mask_broadcast_f32x4(x, 0x0f00, _mm_loadu_ps(in + 8 * stride));
    return _mm512_mask_broadcast_f32x4(x, 0xf000, _mm_loadu_ps(in + 12 * stride));
}

/* A 4 x 4 transposition in each quarter. */
INLINE void transpose_4(const real *in, int64_t stride, real *out, int64_t out_step)
{
    vec r0 = quarters(in, stride), r1 = quarters(in + stride, stride);
    vec r2 = quarters(in + 2 * stride, stride), r3 = quarters(in + 3 * stride, stride);
    vec low01 = _mm512_unpacklo_ps(r0, r1), high01 = _mm512_unpackhi_ps(r0, r1);
    vec low23 = _mm512_unpacklo_ps(r2, r3), high23 = _mm512_unpackhi_ps(r2, r3);
    vec_store(out, _mm512_shuffle_ps(low01, low23, 0x44));
    vec_store(out + out_step, _mm512_shuffle_ps(low01, low23, 0xee));
    vec_store(out + 2 * out_step, _mm512_shuffle_ps(high01, high23, 0x44));
    vec_store(out + 3 * out_step, _mm512_shuffle_ps(high01, high23, 0xee));
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
    for (; i + 16 <= count; i += 16) vec_store(out + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(half + i))));
    for (; i < count; i++) out[i] = _cvtsh_ss(half[i]);
}

static void unpack_bf16(const void *in, real *out, int64_t count)
{
    const uint16_t *half = in;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(half + i)));
        vec_store(out + i, _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16)));
    }
    number_bf16.unpack(half + i, out + i, count - i);
}

const gemm_kernels gemm_avx512 = {
    .width = WIDTH, .rows = ROWS, .vecs = VECS, .tile = { TILES_8 }, .transpose = transpose, .copy = copy,
    .unpack_f16 = unpack_f16, .unpack_bf16 = unpack_bf16, .multiply_adds = multiply_adds, .read = read_memory,
};
#endif
