/* quant_avx2.c - products with quantised weights by AVX2. An instruction multiplies bytes and adds
 * them in pairs, in 16 bits; several such pairs are added before they are widened to 32 bits. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include "kernel/quant_ymm.h"

    #define QUANT quant_avx2
    #define ROWS 4
enum { SIGNED_OFFSET = 0, SIGNED_FLIP = 0 };

/* A pair of products is at most 2 * 127 * max_quant. Therefore 8 pairs fit 16 bits where values are
 * at most 15 (8 * 2 * 127 * 15 = 30480 < 32768), 4 pairs of 31, 2 of 63, 1 of 128. The instruction
 * wants its first bytes unsigned: signed ones give their sign to q. */
INLINE words dot(const int count, const int max_quant, const words *w, const int8_t *q, words sum)
{
    __m256i pairs = _mm256_setzero_si256();
    UNROLL
    for (int j = 0; j < count; j++) {
        __m256i quants = (__m256i)w[j],
                x = _mm256_set1_epi32((int32_t)word_at((const uint8_t *)q + 4 * j));
        if (max_quant == 0) x = _mm256_sign_epi8(x, quants), quants = _mm256_abs_epi8(quants);
        pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(quants, x));
    }
    sum += (words)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    __asm__("" : "+x"(sum)); /* kept in a register: a tree of these sums would spill */
    return sum;
}

    #include "kernel/quant_template.h"
#endif
