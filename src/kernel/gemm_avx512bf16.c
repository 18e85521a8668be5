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
    #define SEGMENT 8 /* words of two elements each, which are prefetched as floats */

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

/* Words of two rows: of the first one in the upper halves, of the second one in the lower */
INLINE __m512i words_of(__m512 first, __m512 second)
{
    const __m512i index = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9,
        24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(index, (__m512i)_mm512_cvtne2ps_pbh(first, second));
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

/* A vector of a row from column j on, with zeros where the row has ended */
INLINE __m512 part_of(const gemm_rows *in, const real *row, int64_t j)
{
    int64_t left = in->columns - j;
    uint32_t there = left >= WIDTH ? 0xffff : left > 0 ? (1u << left) - 1 : 0;
    return _mm512_maskz_loadu_ps((__mmask16)there, row + j);
}

static const real *row_at(const gemm_rows *in, int64_t q)
{
    return in->at + (in->rows ? in->rows[q] : q) * in->stride;
}

INLINE void round_vectors(const int vecs, const gemm_rows *in, int64_t k, real *out)
{
    for (int64_t q = 0; q + 2 <= k; q += 2, out += vecs * WIDTH) {
        const real *first = row_at(in, q), *second = row_at(in, q + 1);
        UNROLL
        for (int v = 0; v < vecs; v++)
            _mm512_storeu_si512(out + v * WIDTH,
                words_of(vec_load(first + v * WIDTH), vec_load(second + v * WIDTH)));
    }
}

/* The pairs of k rows, where some columns do not exist */
static void round_parts(const gemm_rows *in, int64_t k, int64_t width, real *out)
{
    for (int64_t q = 0; q + 2 <= k; q += 2, out += width)
        for (int64_t j = 0; j < width; j += WIDTH)
            _mm512_storeu_si512(out + j,
                words_of(part_of(in, row_at(in, q), j), part_of(in, row_at(in, q + 1), j)));
}

static void round_rows(const gemm_rows *in, int64_t k, int64_t width, real *out)
{
    if (in->columns < width) round_parts(in, k, width, out);
    else if (width == 3 * WIDTH) round_vectors(3, in, k, out);
    else if (width == 2 * WIDTH) round_vectors(2, in, k, out);
    else round_vectors(1, in, k, out);
    if (k % 2 == 0) return;
    const __m512 pad = _mm512_castsi512_ps(_mm512_set1_epi32((int32_t)((uint32_t)in->pad << 16)));
    out += k / 2 * width;
    for (int64_t j = 0; j < width; j += WIDTH)
        _mm512_storeu_si512(out + j, words_of(part_of(in, row_at(in, k - 1), j), pad));
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
