/* gemm_x86.h - what the AVX2 and AVX-512 variants have in common: B's rows transposed in registers
 * of eight floats, from floats, float16 or bfloat16. Packing uses it, and so do skinny products,
 * which do not pack.
 *
 * Both transpose eight rows at a time, although AVX-512 has sixteen lanes: rows that lie a power of
 * two apart fall into one set of the L1 cache, which has eight ways. */
#ifndef CADRE_KERNEL_GEMM_X86_H
#define CADRE_KERNEL_GEMM_X86_H

#include "kernel/gemm_x86_words.h"

/* A word of 32 bits holds one float, or two elements of 16 bits. */
INLINE int64_t elements_per_word(const int source) { return source == GEMM_FLOAT ? 1 : 2; }

/* Transposes sixteen elements of 16 bits, into the order in which eight of them are converted to
 * floats: column i goes to the lower half of out[i] and column i + 8 to the upper half, a row to
 * each 16 bits. */
INLINE void transpose_halves(const char *in, int64_t stride, __m256 out[WORDS])
{
    __m256i row[LANES], two[LANES], four[LANES];
    UNROLL
    for (int r = 0; r < LANES; r++) row[r] = _mm256_loadu_si256((const __m256i *)(in + r * stride));
    UNROLL
    for (int r = 0; r < LANES; r += 2) {
        two[r] = _mm256_unpacklo_epi16(row[r], row[r + 1]);
        two[r + 1] = _mm256_unpackhi_epi16(row[r], row[r + 1]);
    }
    UNROLL
    for (int r = 0; r < LANES; r += 4) {
        UNROLL
        for (int h = 0; h < 2; h++) {
            four[r + 2 * h] = _mm256_unpacklo_epi32(two[r + h], two[r + 2 + h]);
            four[r + 2 * h + 1] = _mm256_unpackhi_epi32(two[r + h], two[r + 2 + h]);
        }
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        out[2 * i] = _mm256_castsi256_ps(_mm256_unpacklo_epi64(four[i], four[i + 4]));
        out[2 * i + 1] = _mm256_castsi256_ps(_mm256_unpackhi_epi64(four[i], four[i + 4]));
    }
}

/* A unit is WORDS words of eight rows, transposed so that elements of this source are easily read
 * from it. */
INLINE void transpose_unit(const int source, const char *in, int64_t stride, __m256 unit[WORDS])
{
    if (source == GEMM_F16) transpose_halves(in, stride, unit);
    else transpose_words(in, stride, unit);
}

/* Element n of the eight rows of a unit, as floats. A bfloat16 is the upper half of a float. */
INLINE __m256 element_of(const int source, const __m256 *unit, const int n)
{
    if (source == GEMM_FLOAT) return unit[n];
    if (source == GEMM_F16)
        return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(unit + n % WORDS) + n / WORDS));
    __m256i pair = _mm256_castps_si256(unit[n / 2]), upper = _mm256_set1_epi32((int)0xffff0000);
    return _mm256_castsi256_ps(n % 2 ? _mm256_and_si256(pair, upper) : _mm256_slli_epi32(pair, 16));
}

INLINE float element_at(const int source, const char *row, int64_t q)
{
    uint32_t bits = 0;
    memcpy((char *)&bits + (source == GEMM_BF16 ? 2 : 0), row + q * (source == GEMM_FLOAT ? 4 : 2),
        source == GEMM_FLOAT ? 4 : 2);
    if (source == GEMM_F16) return _cvtsh_ss((uint16_t)bits);
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/* ---- packing ---- */

INLINE void transpose(
    const int source, const char *in, int64_t stride, int64_t k, real *out, int64_t step)
{
    const int elements = WORDS * (int)elements_per_word(source);
    for (int r = 0; r < WIDTH; r += LANES, in += LANES * stride, out += LANES) {
        int64_t q = 0;
        for (; q + elements <= k; q += elements) {
            __m256 unit[WORDS];
            transpose_unit(source, in + q / elements_per_word(source) * WORD_BYTES, stride, unit);
            UNROLL_16
            for (int n = 0; n < elements; n++)
                _mm256_storeu_ps(out + (q + n) * step, element_of(source, unit, n));
        }
        for (; q < k; q++)
            for (int i = 0; i < LANES; i++)
                out[q * step + i] = element_at(source, in + i * stride, q);
    }
}

/* ---- skinny products ---- */

/* A run of words of every row is transposed into a buffer before it is multiplied, because rows
 * that lie a power of two apart cannot stay in the L1 cache together for long. Transposing and
 * multiplying both prefetch what comes after these columns, every other cache line each. */
enum {
    RUN = 64 /* words of a row */,
    VECTORS = GEMM_SKINNY_COLUMNS / LANES,
    FETCH = 128 /* two lines */
};

/* The words of eight rows, a row in each lane. Two more words keep buffers that are read together
 * from lying a power of two apart. */
typedef __m256 transposed_run[RUN + 2];

/* sums += `rows` rows of A times `count` words of `vecs` times eight rows of B. The sums stay in
 * registers; each lane is one chain of multiply-adds. */
INLINE void skinny_run(const int source, const int rows, const int vecs, int64_t count,
    const real *const *a, int64_t q, const transposed_run *words, __m256 (*sums)[GEMM_SKINNY_ROWS],
    const char *prefetch)
{
    __m256 acc[4][VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) acc[i][v] = sums[v][i];
    }
    const int64_t bytes = vecs * LANES * WORDS * WORD_BYTES;
    const int elements = WORDS * (int)elements_per_word(source);
    for (int64_t at = 0; at < count; at += WORDS, prefetch += bytes) {
        UNROLL
        for (int64_t i = FETCH / 2; i < bytes; i += FETCH) __builtin_prefetch(prefetch + i, 0, 2);
        UNROLL_16
        for (int n = 0; n < elements; n++) {
            __m256 b_vec[VECTORS];
            UNROLL
            for (int v = 0; v < vecs; v++) b_vec[v] = element_of(source, words[v] + at, n);
            UNROLL
            for (int i = 0; i < rows; i++) {
                __m256 a_vec = _mm256_set1_ps(a[i][q + at * elements_per_word(source) + n]);
                UNROLL
                for (int v = 0; v < vecs; v++)
                    acc[i][v] = _mm256_fmadd_ps(a_vec, b_vec[v], acc[i][v]);
            }
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) sums[v][i] = acc[i][v];
    }
}

INLINE void skinny_rows(const int source, const int vecs, const gemm_skinny *p, int64_t count,
    int64_t q, const transposed_run *words, __m256 (*sums)[GEMM_SKINNY_ROWS], const char *prefetch)
{
    for (int64_t i = 0; i < p->rows; i += 2) {
        __m256(*sums_of_rows)[GEMM_SKINNY_ROWS] = (__m256(*)[GEMM_SKINNY_ROWS])(sums[0] + i);
        if (i + 1 < p->rows)
            skinny_run(source, 2, vecs, count, p->a + i, q, words, sums_of_rows, prefetch);
        else skinny_run(source, 1, vecs, count, p->a + i, q, words, sums_of_rows, prefetch);
    }
}

/* The rest of k, element by element. */
INLINE void skinny_tail(const int source, const gemm_skinny *p, int64_t q)
{
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->columns; j++)
            for (int64_t t = q; t < p->k; t++)
                p->c[i * p->c_stride + j] = real_fma(p->a[i][t],
                    element_at(source, p->b + j * p->b_stride, t), p->c[i * p->c_stride + j]);
}

INLINE void skinny(const int source, const gemm_skinny *p)
{
    const int64_t bytes = WORD_BYTES, elements = elements_per_word(source),
                  vecs = p->columns / LANES;
    const int64_t all = p->k / elements / WORDS * WORDS;
    __m256 sums[VECTORS][GEMM_SKINNY_ROWS];
    transposed_run words[VECTORS];
    const char *prefetch = p->prefetch;
    for (int64_t v = 0; v < vecs; v++)
        for (int64_t i = 0; i < p->rows; i++)
            sums[v][i] = p->accumulate ? _mm256_loadu_ps(p->c + i * p->c_stride + v * LANES)
                                       : _mm256_setzero_ps();
    for (int64_t at = 0, count; at < all; at += count) {
        const char *fetch = prefetch;
        count = gemm_min(RUN, all - at);
        for (int64_t v = 0; v < vecs; v++) {
            const char *in = p->b + v * LANES * p->b_stride + at * bytes;
            for (int64_t w = 0; w < count; w += WORDS, prefetch += LANES * WORDS * bytes) {
                __m256 column[WORDS];
                transpose_unit(source, in + w * bytes, p->b_stride, column);
                UNROLL
                for (int i = 0; i < LANES * WORDS * WORD_BYTES; i += FETCH)
                    __builtin_prefetch(prefetch + i, 0, 2);
                UNROLL
                for (int i = 0; i < WORDS; i++) words[v][w + i] = column[i];
            }
        }
        if (vecs == VECTORS)
            skinny_rows(source, VECTORS, p, count, at * elements, words, sums, fetch);
        else
            for (int64_t v = 0; v < vecs; v++)
                skinny_rows(source, 1, p, count, at * elements, words + v, sums + v, fetch);
    }
    for (int64_t v = 0; v < vecs; v++)
        for (int64_t i = 0; i < p->rows; i++)
            _mm256_storeu_ps(p->c + i * p->c_stride + v * LANES, sums[v][i]);
    if (all * elements < p->k) skinny_tail(source, p, all * elements);
}

#define SOURCE(NAME, S)                                                                            \
    static void transpose_##NAME(const gemm_stored *in, int64_t k, real *out, int64_t step)        \
    {                                                                                              \
        transpose(S, in->at, in->stride, k, out, step);                                            \
    }                                                                                              \
    static void skinny_##NAME(const gemm_skinny *p) { skinny(S, p); }
SOURCE(float, GEMM_FLOAT)
SOURCE(f16, GEMM_F16)
SOURCE(bf16, GEMM_BF16)
#define TRANSPOSES                                                                                 \
    {                                                                                              \
        transpose_float, transpose_f16, transpose_bf16, transpose_f8, transpose_e2m1               \
    }
#define SKINNY                                                                                     \
    {                                                                                              \
        skinny_float, skinny_f16, skinny_bf16, skinny_f8, skinny_e2m1                              \
    }

/* ---- rows of 16-bit formats, unpacked without transposing ---- */

static void unpack_f16(const void *in, real *out, int64_t count)
{
    const uint16_t *half = in;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(half + i))));
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
