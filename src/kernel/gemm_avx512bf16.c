/* gemm_avx512bf16.c - products of bfloat16 operands by vdpbf16ps: a word of 32 bits holds two
 * neighbours in k, the first one in its upper half. Tiles are those of AVX-512, and take two steps
 * of k where those take one. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include <immintrin.h>
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
static inline vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
}

    #include "kernel/gemm_pack.h"
    #include "kernel/gemm_template.h"
    #include "kernel/gemm_x86_words.h"

INLINE __m512i upper_halves(__m512 x)
{
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(x)), 16);
}

INLINE __m512i lower_halves(__m512 x)
{
    return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(x));
}

/* out[q * step + r] = word q of row r, for sixteen rows */
static void transpose(const gemm_stored *in, int64_t k, real *out, int64_t step)
{
    const char *rows = in->at;
    for (int half = 0; half < WIDTH; half += LANES, rows += LANES * in->stride, out += LANES) {
        int64_t q = 0;
        for (; q + WORDS <= k; q += WORDS) {
            __m256 column[WORDS];
            transpose_words(rows + q * WORD_BYTES, in->stride, column);
            for (int i = 0; i < WORDS; i++) _mm256_storeu_ps(out + (q + i) * step, column[i]);
        }
        for (; q < k; q++)
            for (int r = 0; r < LANES; r++)
                memcpy(out + q * step + r, rows + r * in->stride + q * WORD_BYTES, WORD_BYTES);
    }
}

static void round_row(int64_t k, const real *in, uint16_t pad, real *out)
{
    int64_t q = 0;
    for (; q + 32 <= k; q += 32, out += 16) {
        __m512bh pairs = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(in + q + 16), _mm512_loadu_ps(in + q));
        _mm512_storeu_si512(out, _mm512_rol_epi32((__m512i)pairs, 16));
    }
    for (; q < k; q += 2, out++) {
        float first = in[q], second = q + 1 < k ? in[q + 1] : 0;
        __m128i pair = (__m128i)_mm_cvtne2ps_pbh(_mm_set_ss(second), _mm_set_ss(first));
        uint32_t upper = (uint16_t)_mm_extract_epi16(pair, 0),
                 lower = q + 1 < k ? (uint16_t)_mm_extract_epi16(pair, 4) : pad;
        uint32_t word = upper << 16 | lower;
        memcpy(out, &word, sizeof word);
    }
}

static void round_rows(const gemm_rows *in, int64_t k, int64_t width, real *out)
{
    for (int64_t q = 0; q < k; q += 2, out += width) {
        const real *first = in->at + (in->rows ? in->rows[q] : q) * in->stride,
                   *second = q + 1 == k
                                 ? NULL
                                 : in->at + (in->rows ? in->rows[q + 1] : q + 1) * in->stride;
        for (int64_t j = 0; j < width; j += WIDTH) {
            int64_t left = in->columns - j;
            __mmask16 there = left >= WIDTH ? 0xffff : left > 0 ? (__mmask16)((1 << left) - 1) : 0;
            __m512i word = upper_halves(_mm512_maskz_loadu_ps(there, first + j));
            __m512i lower = second ? lower_halves(_mm512_maskz_loadu_ps(there, second + j))
                                   : _mm512_set1_epi32(in->pad);
            _mm512_storeu_si512(out + j, _mm512_or_si512(word, lower));
        }
    }
}

const gemm_kernels gemm_avx512bf16 = {
    .width = WIDTH,
    .rows = ROWS,
    .vecs = VECS,
    .tile = { TILES_8 },
    .transpose = { transpose },
    .copy = copy,
    .per_word = 2,
    .round_row = round_row,
    .round_rows = round_rows,
};
#endif
