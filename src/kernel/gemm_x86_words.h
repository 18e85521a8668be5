/* gemm_x86_words.h - eight rows of words of 32 bits, transposed in registers. The file that
 * includes this has included gemm_template.h. */
#ifndef CADRE_KERNEL_GEMM_X86_WORDS_H
#define CADRE_KERNEL_GEMM_X86_WORDS_H

enum { LANES = 8, WORDS = 8 /* transposed at once */, WORD_BYTES = 4 };

/* Four words of row r and four of row r + 4, in the two halves of a register. Loads do this, which
 * saves shuffles. */
INLINE __m256 quads(const char *in, int64_t stride)
{
    __m128 low = _mm_loadu_ps((const float *)in),
           high = _mm_loadu_ps((const float *)(in + 4 * stride));
    return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
}

/* Transposes words: column i goes to out[i], a row to each lane. */
INLINE void transpose_words(const char *in, int64_t stride, __m256 out[WORDS])
{
    UNROLL
    for (int i = 0; i < WORDS; i += 4) {
        const char *at = in + i * WORD_BYTES;
        __m256 r0 = quads(at, stride), r1 = quads(at + stride, stride);
        __m256 r2 = quads(at + 2 * stride, stride), r3 = quads(at + 3 * stride, stride);
        __m256 low01 = _mm256_unpacklo_ps(r0, r1), high01 = _mm256_unpackhi_ps(r0, r1);
        __m256 low23 = _mm256_unpacklo_ps(r2, r3), high23 = _mm256_unpackhi_ps(r2, r3);
        out[i] = _mm256_shuffle_ps(low01, low23, 0x44);
        out[i + 1] = _mm256_shuffle_ps(low01, low23, 0xee);
        out[i + 2] = _mm256_shuffle_ps(high01, high23, 0x44);
        out[i + 3] = _mm256_shuffle_ps(high01, high23, 0xee);
    }
}

#endif
