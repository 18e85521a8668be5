/* gemm_neon.c - tiles of 8 x 12 in thirty-two registers of four floats: 24 accumulators, 3
 * vectors of B and 1 of A. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include <arm_neon.h>

typedef float32x4_t vec;
enum { WIDTH = 4, ROWS = 8, VECS = 3 };
    #define TILE_ROWS 8

static inline vec vec_load(const real *p) { return vld1q_f32(p); }
static inline void vec_store(real *p, vec x) { vst1q_f32(p, x); }
static inline vec vec_all(real x) { return vdupq_n_f32(x); }
static inline vec vec_keep(vec x) { return x; }
static inline vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }

    #include "kernel/gemm_template.h"

INLINE void transpose_4(const char *in, int64_t stride, real *out, int64_t step)
{
    vec rows[4];
    UNROLL
    for (int r = 0; r < 4; r++) rows[r] = vec_load((const real *)(in + r * stride));
    vec even01 = vtrn1q_f32(rows[0], rows[1]), odd01 = vtrn2q_f32(rows[0], rows[1]);
    vec even23 = vtrn1q_f32(rows[2], rows[3]), odd23 = vtrn2q_f32(rows[2], rows[3]);
    vec_store(out, vcombine_f32(vget_low_f32(even01), vget_low_f32(even23)));
    vec_store(out + step, vcombine_f32(vget_low_f32(odd01), vget_low_f32(odd23)));
    vec_store(out + 2 * step, vcombine_f32(vget_high_f32(even01), vget_high_f32(even23)));
    vec_store(out + 3 * step, vcombine_f32(vget_high_f32(odd01), vget_high_f32(odd23)));
}

static void transpose(const gemm_stored *in, int64_t k, real *out, int64_t step)
{
    const char *row = in->at;
    const int64_t stride = in->stride;
    int64_t q = 0;
    for (; q + 4 <= k; q += 4)
        transpose_4(row + q * (int64_t)sizeof(real), stride, out + q * step, step);
    for (; q < k; q++)
        for (int r = 0; r < WIDTH; r++) out[q * step + r] = ((const real *)(row + r * stride))[q];
}

const gemm_kernels gemm_neon = {
    .width = WIDTH,
    .rows = ROWS,
    .vecs = VECS,
    .tile = { TILES_8 },
    .copy = copy,
    .transpose = { transpose },
};
#endif
