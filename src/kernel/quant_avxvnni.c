/* quant_avxvnni.c - products with quantised weights by AVX-VNNI: an instruction adds four products
 * of bytes to each word. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include "kernel/quant_ymm.h"

    #define QUANT quant_avxvnni
    #define ROWS 4
    #define SIGNED_FLIP 0x80808080
enum { SIGNED_OFFSET = 128 };

INLINE words dot(const int count, const int max_quant, const words *w, const int8_t *q, words sum)
{
    (void)max_quant;
    UNROLL
    for (int j = 0; j < count; j++)
        sum = (words)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)w[j],
            _mm256_set1_epi32((int32_t)word_at((const uint8_t *)q + 4 * j)));
    return sum;
}

    #include "kernel/quant_template.h"
#endif
