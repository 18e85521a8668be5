/* gemm_x86_coded.h - rows of b whose numbers are codes times factors (E4M3, E2M1), turned into
 * columns in registers of eight floats, for packing and for products of few rows.
 *
 * Both go by way of words of four E4M3 codes, turned as words of floats are; E2M1's levels,
 * doubled, are all E4M3 numbers. In a float's fields a code is 2^120 too small, subnormals
 * included, which is the factor's to give back. What that cannot be right for, NaNs and factors of
 * no sane weight, goes number by number. */
#ifndef CADRE_KERNEL_GEMM_X86_CODED_H
#define CADRE_KERNEL_GEMM_X86_CODED_H

#include "kernel/gemm_x86.h"
#include "kernel/number_half.h"

enum { UNIT = 32 /* numbers of a row that are turned at once */, UNIT_WORDS = UNIT / 4 };

INLINE int64_t unit_bytes(const int source) { return source == GEMM_F8 ? UNIT : UNIT / 2; }

/* Number q of row r, as the formats say. */
static real coded_number(const int source, const gemm_stored *b, int64_t r, int64_t q)
{
    const number_format *f = source == GEMM_F8 ? &number_f8_e4m3 : &number_e2m1;
    const int64_t skip = q % f->block;
    float values[2];
    f->unpack(b->at + r * b->stride + (q - skip) / f->block, values, f->block);
    number_apply_factors(&b->factors, r, q, 1, values + skip);
    return values[skip];
}

INLINE gemm_stored rows_from(const gemm_stored *b, int64_t row)
{
    number_factors factors = number_factors_from(b->factors, row, 0);
    return (gemm_stored){ b->at + row * b->stride, b->stride, factors };
}

/* ---- a unit of eight rows: codes four by four, a row in each lane, and its factors, times 2^120
 * ---- */

/* In floats, or in bfloat16, the upper half of one. */
INLINE float factor_of_f8(const number_factors *x, int64_t row, int64_t q)
{
    const uint8_t *at = x->at + row / 128 * x->stride + q / 128 * x->form->bytes;
    uint32_t bits;
    uint16_t upper;
    memcpy(&upper, at, sizeof upper);
    bits = (uint32_t)upper << 16;
    if (x->form == &number_factor_f32) memcpy(&bits, at, sizeof bits);
    return number_float_of_bits(bits);
}

INLINE __m256 factors_of_f8(const number_factors *x, int64_t q)
{
    float values[LANES];
    if (x->skip + LANES <= 128) return _mm256_set1_ps(factor_of_f8(x, 0, q));
    for (int r = 0; r < LANES; r++) values[r] = factor_of_f8(x, x->skip + r, q);
    return _mm256_loadu_ps(values);
}

INLINE bool turn_f8(const gemm_stored *b, int64_t q, __m256 words[UNIT_WORDS], __m256 *factor)
{
    const __m256i magnitude = _mm256_set1_epi8(0x7f), nan = magnitude;
    __m256i largest = _mm256_setzero_si256();
    turn_words(b->at + q, b->stride, words);
    UNROLL
    for (int i = 0; i < UNIT_WORDS; i++)
        largest =
            _mm256_max_epu8(largest, _mm256_and_si256(_mm256_castps_si256(words[i]), magnitude));
    *factor = _mm256_mul_ps(factors_of_f8(&b->factors, q), _mm256_set1_ps(0x1p120f));
    const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), *factor);
    const __m256i huge =
        _mm256_castps_si256(_mm256_cmp_ps(size, _mm256_set1_ps(INFINITY), _CMP_NLT_UQ));
    return !_mm256_movemask_epi8(_mm256_or_si256(huge, _mm256_cmpeq_epi8(largest, nan)));
}

INLINE bool turn_e2m1(const gemm_stored *b, int64_t q, __m256 words[UNIT_WORDS], __m256 *factor)
{
    const number_factors *x = &b->factors;
    const __m256i four_bits = _mm256_set1_epi8(15);
    const __m256i levels = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        /* 1 is 0x38 */
        0, 0x38, 0x40, 0x44, 0x48, 0x4c, 0x50, 0x54, 0, -0x48, -0x40, -0x3c, -0x38, -0x34, -0x30,
        -0x2c));
    __m256i codes[LANES];
    __m128i exponents = _mm_setzero_si128();
    UNROLL
    for (int r = 0; r < LANES; r++) {
        __m256i pairs =
            _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(b->at + r * b->stride + q / 2)));
        pairs = _mm256_and_si256(_mm256_or_si256(pairs, _mm256_slli_epi16(pairs, 4)), four_bits);
        codes[r] = _mm256_shuffle_epi8(levels, pairs);
        exponents = _mm_alignr_epi8(_mm_cvtsi32_si128(x->at[r * x->stride + q / 32]), exponents, 1);
    }
    turn_words((const char *)codes, sizeof *codes, words);
    const __m256i exponent = _mm256_cvtepu8_epi32(_mm_srli_si128(exponents, 8));
    *factor = _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(exponent, _mm256_set1_epi32(119)), 23));
    return !_mm256_movemask_epi8(_mm256_cmpgt_epi32(exponent, _mm256_set1_epi32(135)));
}

/* False: it is one that goes number by number. */
INLINE bool turn_coded(
    const int source, const gemm_stored *b, int64_t q, __m256 words[UNIT_WORDS], __m256 *factor)
{
    return source == GEMM_F8 ? turn_f8(b, q, words, factor) : turn_e2m1(b, q, words, factor);
}

/* The four numbers of a word. A bfloat16, which each becomes on the way, is the upper half of a
 * float. */
INLINE void numbers_of_word(__m256 word, __m256 factor, __m256 number[4])
{
    const __m256i odd = _mm256_castps_si256(word), even = _mm256_slli_epi16(odd, 8),
                  fields = _mm256_set1_epi16((short)0x87f0);
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    const __m256i halves[2] = { _mm256_and_si256(_mm256_srai_epi16(even, 4), fields),
        _mm256_and_si256(_mm256_srai_epi16(odd, 4), fields) };
    UNROLL
    for (int i = 0; i < 2; i++) {
        number[i] = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_slli_epi32(halves[i], 16)), factor);
        number[i + 2] =
            _mm256_mul_ps(_mm256_castsi256_ps(_mm256_and_si256(halves[i], upper)), factor);
    }
}

/* ---- packing ---- */

INLINE void transpose_coded(
    const int source, const gemm_stored *b, int64_t k, real *out, int64_t step)
{
    for (int r = 0; r < WIDTH; r += LANES, out += LANES) {
        const gemm_stored eight = rows_from(b, r);
        for (int64_t q = 0; q < k; q += UNIT) {
            __m256 words[UNIT_WORDS], factor, number[4];
            if (q + UNIT <= k && turn_coded(source, &eight, q, words, &factor)) {
                UNROLL
                for (int w = 0; w < UNIT_WORDS; w++) {
                    numbers_of_word(words[w], factor, number);
                    UNROLL
                    for (int i = 0; i < 4; i++)
                        _mm256_storeu_ps(out + (q + 4 * w + i) * step, number[i]);
                }
                continue;
            }
            for (int64_t n = q; n < gemm_min(q + UNIT, k); n++)
                for (int i = 0; i < LANES; i++)
                    out[n * step + i] = coded_number(source, &eight, i, n);
        }
    }
}

/* ---- few rows ---- */

/* A run of units of every row is turned before it is multiplied. */
enum { CODED_RUN = 4 };

typedef struct coded_units {
    /* Two more, so that eights do not lie a power of two apart */
    __m256 words[VECTORS][CODED_RUN * UNIT_WORDS + 2];
    __m256 factor[VECTORS][CODED_RUN];
} coded_units;

/* sums [rows] of `vecs` eights of b's rows += a's numbers from q on times those of `count` units */
INLINE void coded_run(const int rows, const int vecs, int64_t count, const real *const *a,
    int64_t q, const coded_units *units, int64_t v0, __m256 (*sums)[GEMM_FEW_ROWS])
{
    __m256 acc[2][VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) acc[i][v] = sums[v][i];
    }
    for (int64_t u = 0; u < count; u++)
        for (int64_t w = u * UNIT_WORDS; w < (u + 1) * UNIT_WORDS; w++) {
            UNROLL
            for (int v = 0; v < vecs; v++) {
                __m256 number[4];
                numbers_of_word(units->words[v0 + v][w], units->factor[v0 + v][u], number);
                UNROLL
                for (int n = 0; n < 4; n++) {
                    UNROLL
                    for (int i = 0; i < rows; i++)
                        acc[i][v] = _mm256_fmadd_ps(
                            _mm256_set1_ps(a[i][q + 4 * w + n]), number[n], acc[i][v]);
                }
            }
        }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) sums[v][i] = acc[i][v];
    }
}

INLINE void coded_rows(const int vecs, const gemm_few *f, int64_t count, int64_t q,
    const coded_units *units, int64_t v0, __m256 (*sums)[GEMM_FEW_ROWS])
{
    for (int64_t i = 0; i < f->rows; i += 2) {
        __m256(*own)[GEMM_FEW_ROWS] = (__m256(*)[GEMM_FEW_ROWS])(sums[0] + i);
        if (i + 1 < f->rows) coded_run(2, vecs, count, f->a + i, q, units, v0, own);
        else coded_run(1, vecs, count, f->a + i, q, units, v0, own);
    }
}

/* The same for the numbers q0 to q1 of one eight, one by one. */
static void coded_by_number(const int source, const gemm_few *f, const gemm_stored *eight,
    int64_t q0, int64_t q1, __m256 sums[GEMM_FEW_ROWS])
{
    for (int64_t i = 0; i < f->rows; i++) {
        real sum[LANES];
        _mm256_storeu_ps(sum, sums[i]);
        for (int r = 0; r < LANES; r++)
            for (int64_t q = q0; q < q1; q++)
                sum[r] = real_fma(f->a[i][q], coded_number(source, eight, r, q), sum[r]);
        sums[i] = _mm256_loadu_ps(sum);
    }
}

/* `count` units of an eight, while as much of what comes after these columns is fetched. */
INLINE bool turn_run(const int source, const gemm_stored *eight, int64_t q, int64_t count,
    const char *ahead, coded_units *units, int64_t v)
{
    enum { LINE = 64 };
    const int64_t bytes = unit_bytes(source), at = q / UNIT * bytes;
    bool usual = true;
    for (int64_t i = at; i < at + count * bytes; i += LINE) {
        UNROLL
        for (int r = 0; r < LANES; r++) __builtin_prefetch(ahead + r * eight->stride + i, 0, 2);
    }
    for (int64_t u = 0; u < count; u++)
        usual &= turn_coded(
            source, eight, q + u * UNIT, &units->words[v][u * UNIT_WORDS], &units->factor[v][u]);
    return usual;
}

INLINE void few_coded(const int source, const gemm_few *f)
{
    const gemm_stored b = { f->b, f->b_stride, f->factors };
    const int64_t vecs = f->columns / LANES;
    __m256 sums[VECTORS][GEMM_FEW_ROWS];
    gemm_stored eight[VECTORS];
    coded_units units;
    for (int64_t v = 0; v < vecs; v++) {
        eight[v] = rows_from(&b, v * LANES);
        for (int64_t i = 0; i < f->rows; i++)
            sums[v][i] = f->accumulate ? _mm256_loadu_ps(f->c + i * f->c_stride + v * LANES)
                                       : _mm256_setzero_ps();
    }
    for (int64_t q = 0, end; q < f->k; q = end) {
        int64_t count = gemm_min(CODED_RUN, (f->k - q) / UNIT), done = q + count * UNIT;
        bool usual = true;
        end = count ? done : f->k;
        for (int64_t v = 0; v < vecs; v++)
            usual &= turn_run(
                source, &eight[v], q, count, f->ahead + v * LANES * f->b_stride, &units, v);
        if (usual && vecs == VECTORS) coded_rows(VECTORS, f, count, q, &units, 0, sums);
        for (int64_t v = 0; usual && vecs < VECTORS && v < vecs; v++)
            coded_rows(1, f, count, q, &units, v, sums + v);
        for (int64_t v = 0; v < vecs; v++)
            coded_by_number(source, f, &eight[v], usual ? done : q, end, sums[v]);
    }
    for (int64_t v = 0; v < vecs; v++)
        for (int64_t i = 0; i < f->rows; i++)
            _mm256_storeu_ps(f->c + i * f->c_stride + v * LANES, sums[v][i]);
}

#define CODED(NAME, S)                                                                             \
    static void transpose_##NAME(const gemm_stored *in, int64_t k, real *out, int64_t step)        \
    {                                                                                              \
        transpose_coded(S, in, k, out, step);                                                      \
    }                                                                                              \
    static void few_##NAME(const gemm_few *f) { few_coded(S, f); }
CODED(f8, GEMM_F8)
CODED(e2m1, GEMM_E2M1)

#endif
