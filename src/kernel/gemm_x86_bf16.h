/* gemm_x86_bf16.h - operands rounded to bfloat16 for tiles that compute in floats, on machines
 * without vdpbf16ps. A float that has been rounded is a float, so the tiles are those of floats;
 * what else differs, the processor does: it takes denormal operands as zero and makes tiny results
 * zero, and judges as the instruction does what is tiny. */
#ifndef CADRE_KERNEL_GEMM_X86_BF16_H
#define CADRE_KERNEL_GEMM_X86_BF16_H

#include "kernel/bf16.h"

enum { FLUSH_RESULTS = 1 << 15, ZERO_OPERANDS = 1 << 6 }; /* of MXCSR */

static uint32_t flush_begin(void)
{
    uint32_t before = _mm_getcsr();
    _mm_setcsr(before | FLUSH_RESULTS | ZERO_OPERANDS);
    return before;
}

static void flush_end(uint32_t before) { _mm_setcsr(before); }

/* bf16_round of eight floats */
INLINE __m256 rounded(__m256 x)
{
    const __m256i bits = _mm256_castps_si256(x), exponent = _mm256_set1_epi32(0x7f800000),
                  upper = _mm256_set1_epi32((int)0xffff0000);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i sum = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256i denormal = _mm256_cmpeq_epi32(_mm256_and_si256(bits, exponent), _mm256_setzero_si256());
    __m256i nan =
        _mm256_cmpgt_epi32(_mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)), exponent);
    sum = _mm256_blendv_epi8(
        sum, _mm256_and_si256(bits, _mm256_set1_epi32((int)0x80000000)), denormal);
    sum = _mm256_blendv_epi8(sum, _mm256_or_si256(bits, _mm256_set1_epi32(0x400000)), nan);
    return _mm256_castsi256_ps(_mm256_and_si256(sum, upper));
}

static void round_row(int64_t k, const real *in, uint16_t pad, real *out)
{
    int64_t q = 0;
    (void)pad;
    for (; q + 8 <= k; q += 8) _mm256_storeu_ps(out + q, rounded(_mm256_loadu_ps(in + q)));
    for (; q < k; q++) out[q] = bf16_round(in[q]);
}

static void round_rows(const gemm_rows *in, int64_t k, int64_t width, real *out)
{
    for (int64_t q = 0; q < k; q++, out += width) {
        round_row(in->columns, in->at + (in->rows ? in->rows[q] : q) * in->stride, 0, out);
        for (int64_t j = in->columns; j < width; j++) out[j] = 0;
    }
}

#endif
