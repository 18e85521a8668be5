/* quant_avx2.c - products with quantised weights by AVX2: products of bytes are added in pairs of
 * 16 bits, as many as fit before they are widened to 32. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include "kernel/quant_ymm.h"

    #define QUANT quant_avx2
    #define ROWS 4
enum { SIGNED_OFFSET = 0, SIGNED_FLIP = 0 };

/* A pair of products is at most 2 * 127 * most: 8 pairs of codes up to 15 fit 16 bits, 4 of 31, 2
 * of 63, 1 of 128. Signed bytes lend q their sign. */
INLINE words dot(const int count, const int most, const words *w, const int8_t *q, words sum)
{
    __m256i pairs = _mm256_setzero_si256();
    UNROLL
    for (int j = 0; j < count; j++) {
        __m256i codes = (__m256i)w[j],
                x = _mm256_set1_epi32((int32_t)word_at((const uint8_t *)q + 4 * j));
        if (most == 0) x = _mm256_sign_epi8(x, codes), codes = _mm256_abs_epi8(codes);
        pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(codes, x));
    }
    return sum + (words)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

    #include "kernel/quant_template.h"
#endif
