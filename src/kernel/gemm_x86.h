/* gemm_x86.h - what AVX2 and AVX-512 tiles have in common: transposition and two number formats, in registers of eight floats.
 *
 * Eight rows at a time for both: rows a power of two apart fall into one set of the first-level cache, which has eight ways. */
#ifndef CADRE_KERNEL_GEMM_X86_H
#define CADRE_KERNEL_GEMM_X86_H

INLINE void transpose_8(const real *in, int64_t stride, real *out, int64_t out_step)
{
    __m256 rows[8], pairs[8], fours[8];
    UNROLL for (int r = 0; r < 8; r++) rows[r] = _mm256_loadu_ps(in + r * stride);
    UNROLL for (int r = 0; r < 8; r += 2) {
        pairs[r] = _mm256_unpacklo_ps(rows[r], rows[r + 1]);
        pairs[r + 1] = _mm256_unpackhi_ps(rows[r], rows[r + 1]);
    }
    UNROLL for (int r = 0; r < 8; r += 4)
        UNROLL for (int i = 0; i < 2; i++) {
            fours[r + 2 * i] = _mm256_shuffle_ps(pairs[r + i], pairs[r + 2 + i], 0x44);
            fours[r + 2 * i + 1] = _mm256_shuffle_ps(pairs[r + i], pairs[r + 2 + i], 0xee);
        }
    UNROLL for (int j = 0; j < 4; j++) {
        _mm256_storeu_ps(out + j * out_step, _mm256_permute2f128_ps(fours[j], fours[4 + j], 0x20));
        _mm256_storeu_ps(out + (4 + j) * out_step, _mm256_permute2f128_ps(fours[j], fours[4 + j], 0x31));
    }
}

static void transpose(const real *in, int64_t stride, int64_t k, real *out, int64_t out_step)
{
    for (int r = 0; r < WIDTH; r += 8, in += 8 * stride, out += 8) {
        int64_t q = 0;
        for (; q + 8 <= k; q += 8) transpose_8(in + q, stride, out + q * out_step, out_step);
        for (; q < k; q++)
            for (int i = 0; i < 8; i++) out[q * out_step + i] = in[i * stride + q];
    }
}

static void unpack_f16(const void *in, real *out, int64_t count)
{
    const uint16_t *half = in;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(half + i))));
    for (; i < count; i++) out[i] = _cvtsh_ss(half[i]);
}

static void unpack_bf16(const void *in, real *out, int64_t count)
{
    const uint16_t *half = in;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(half + i)));
        _mm256_storeu_ps(out + i, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
    }
    number_bf16.unpack(half + i, out + i, count - i);
}

#endif
