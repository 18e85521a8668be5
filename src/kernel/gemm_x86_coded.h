/* gemm_x86_coded.h - rows of b whose numbers are codes times factors (E4M3, E2M1), turned into columns of floats in registers of
 * eight, for packing and for products of few rows.
 *
 * Sixteen words of 16 bits of eight rows are turned at once. Codes become halves, which are exact but for a power of two; that is
 * the factor's to give back. */
#ifndef CADRE_KERNEL_GEMM_X86_CODED_H
#define CADRE_KERNEL_GEMM_X86_CODED_H

#include "kernel/gemm_x86.h"

enum { UNIT_BYTES = 32 /* of a row */, MOST_NUMBERS = 64 /* in them */ };

INLINE int64_t unit_numbers(const int source) { return source == GEMM_F8 ? UNIT_BYTES : 2 * UNIT_BYTES; }

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

static void coded_unit_by_number(const int source, const gemm_stored *b, int64_t q, real *out, int64_t step)
{
    for (int64_t n = 0; n < unit_numbers(source); n++)
        for (int64_t r = 0; r < LANES; r++) out[n * step + r] = coded_number(source, b, r, q + n);
}

/* ---- E4M3: shifted into a half's fields the code is 2^8 too small, subnormals included; NaN's would be finite ---- */

/* Times 2^8, which overflows where a factor is no less than 2^120. */
INLINE __m256 factors_of_f8(const gemm_stored *b, int64_t q)
{
    const number_factors *x = &b->factors;
    const bool one = x->skip + LANES <= 128, wide = x->form->bytes == 4; /* or the upper half of the bits */
    const uint8_t *at = x->at + q / 128 * (wide ? 4 : 2);
    float factor[LANES];
    UNROLL for (int r = 0; r < LANES; r++) {
        const uint8_t *mine = at + (!one && x->skip + r >= 128 ? x->stride : 0);
        factor[r] = 0;
        memcpy((uint8_t *)&factor[r] + (wide ? 0 : 2), mine, wide ? 4 : 2);
    }
    return _mm256_mul_ps(one ? _mm256_set1_ps(factor[0]) : _mm256_loadu_ps(factor), _mm256_set1_ps(0x1p8f));
}

/* Both halves of the register: numbers n and n + apart. */
INLINE void put_halves(__m256i halves, const __m256 factor[2], real *out, int64_t n, const int apart, int64_t step)
{
    __m256 low = _mm256_cvtph_ps(_mm256_castsi256_si128(halves)), high = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
    _mm256_storeu_ps(out + n * step, _mm256_mul_ps(low, factor[0]));
    _mm256_storeu_ps(out + (n + apart) * step, _mm256_mul_ps(high, factor[1]));
}

INLINE void unit_of_f8(const gemm_stored *b, int64_t q, real *out, int64_t step)
{
    __m256 unit[WORDS];
    turn_halves(b->at + q, b->stride, unit);
    const __m256i magnitude = _mm256_set1_epi8(0x7f), fields = _mm256_set1_epi16((short)0xbf80);
    __m256i largest = _mm256_setzero_si256();
    UNROLL for (int i = 0; i < WORDS; i++)
        largest = _mm256_max_epu8(largest, _mm256_and_si256(_mm256_castps_si256(unit[i]), magnitude));
    const __m256 factor = factors_of_f8(b, q), both[2] = { factor, factor };
    const __m256 huge = _mm256_cmp_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), factor), _mm256_set1_ps(INFINITY), _CMP_NLT_UQ);
    const __m256i nan = _mm256_cmpeq_epi8(largest, magnitude);
    if (_mm256_movemask_epi8(_mm256_or_si256(nan, _mm256_castps_si256(huge)))) {
        coded_unit_by_number(GEMM_F8, b, q, out, step);
        return;
    }
    UNROLL for (int i = 0; i < WORDS; i++) {
        __m256i pair = _mm256_castps_si256(unit[i]), even = _mm256_slli_epi16(pair, 8);
        put_halves(_mm256_and_si256(_mm256_srai_epi16(even, 1), fields), both, out, 2 * i, 16, step);
        put_halves(_mm256_and_si256(_mm256_srai_epi16(pair, 1), fields), both, out, 2 * i + 1, 16, step);
    }
}

/* ---- E2M1: doubled, these are halves whose lower byte is zero ---- */

/* As number_half_e8m0. */
INLINE __m256 powers_of_e8m0(__m256i exponent)
{
    const __m256i least = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), exponent);
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(exponent, _mm256_set1_epi32(1)), 23);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, least, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), exponent)));
}

INLINE void factors_of_e2m1(const gemm_stored *b, int64_t q, __m256 factor[2])
{
    const uint8_t *at = b->factors.at + q / 32;
    __m128i pairs = _mm_setzero_si128();
#define PAIR(R)                                       \
    {                                                 \
        uint16_t pair;                                \
        memcpy(&pair, at + R * b->factors.stride, 2); \
        pairs = _mm_insert_epi16(pairs, pair, R);     \
    }
    PAIR(0) PAIR(1) PAIR(2) PAIR(3) PAIR(4) PAIR(5) PAIR(6) PAIR(7)
#undef PAIR
    const __m256i words = _mm256_cvtepu16_epi32(pairs);
    factor[0] = powers_of_e8m0(_mm256_and_si256(words, _mm256_set1_epi32(255)));
    factor[1] = powers_of_e8m0(_mm256_srli_epi32(words, 8));
}

INLINE void unit_of_e2m1(const gemm_stored *b, int64_t q, real *out, int64_t step)
{
    __m256 unit[WORDS], factor[2];
    const __m256i levels = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 0x3c, 0x40, 0x42, 0x44, 0x46, 0x48, 0x4a, 0, (char)0xbc, (char)0xc0, (char)0xc2, (char)0xc4, (char)0xc6, (char)0xc8,
        (char)0xca)); /* upper bytes of number_e2m1_levels as halves */
    const __m256i code = _mm256_set1_epi16(0x0f00), none = _mm256_set1_epi16(0x0080);
    turn_halves(b->at + q / 2, b->stride, unit);
    factors_of_e2m1(b, q, factor);
    UNROLL for (int i = 0; i < WORDS; i++) {
        const __m256i four = _mm256_castps_si256(unit[i]);
        const __m256i shifted[4] = { _mm256_slli_epi16(four, 8), _mm256_slli_epi16(four, 4), four, _mm256_srli_epi16(four, 4) };
        UNROLL for (int c = 0; c < 4; c++) {
            const __m256i codes = _mm256_or_si256(_mm256_and_si256(shifted[c], code), none);
            put_halves(_mm256_shuffle_epi8(levels, codes), factor, out, 4 * i + c, 32, step);
        }
    }
}

/* Numbers q .. q + unit_numbers of eight rows: out[n * step + r] */
INLINE void coded_unit(const int source, const gemm_stored *b, int64_t q, real *out, int64_t step)
{
    if (source == GEMM_F8) unit_of_f8(b, q, out, step);
    else unit_of_e2m1(b, q, out, step);
}

INLINE gemm_stored rows_from(const gemm_stored *b, int64_t row)
{
    return (gemm_stored){ b->at + row * b->stride, b->stride, number_factors_from(b->factors, row, 0) };
}

/* ---- packing ---- */

INLINE void transpose_coded(const int source, const gemm_stored *b, int64_t k, real *out, int64_t step)
{
    for (int r = 0; r < WIDTH; r += LANES, out += LANES) {
        const gemm_stored eight = rows_from(b, r);
        int64_t q = 0;
        for (; q + unit_numbers(source) <= k; q += unit_numbers(source)) coded_unit(source, &eight, q, out + q * step, step);
        for (; q < k; q++)
            for (int i = 0; i < LANES; i++) out[q * step + i] = coded_number(source, &eight, i, q);
    }
}

/* ---- few rows ---- */

/* A run of numbers of every row becomes floats, then these are multiplied. */
enum { CODED_RUN = 128 };

/* sums [vecs][rows] += a's numbers from q on times values [count][vecs] */
INLINE void coded_run(const int rows, const int vecs, int64_t count, const real *const *a, int64_t q,
                      const __m256 (*values)[VECTORS], __m256 (*sums)[GEMM_FEW_ROWS])
{
    __m256 acc[4][VECTORS];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int v = 0; v < vecs; v++) acc[i][v] = sums[v][i];
    for (int64_t n = 0; n < count; n++)
        UNROLL for (int i = 0; i < rows; i++) {
            const __m256 x = _mm256_set1_ps(a[i][q + n]);
            UNROLL for (int v = 0; v < vecs; v++) acc[i][v] = _mm256_fmadd_ps(x, values[n][v], acc[i][v]);
        }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int v = 0; v < vecs; v++) sums[v][i] = acc[i][v];
}

INLINE void coded_rows(const int vecs, const gemm_few *f, int64_t count, int64_t q, const __m256 (*values)[VECTORS],
                       __m256 (*sums)[GEMM_FEW_ROWS])
{
    for (int64_t i = 0; i < f->rows; i += 2) {
        __m256(*own)[GEMM_FEW_ROWS] = (__m256(*)[GEMM_FEW_ROWS])(sums[0] + i);
        if (i + 1 < f->rows) coded_run(2, vecs, count, f->a + i, q, values, own);
        else coded_run(1, vecs, count, f->a + i, q, values, own);
    }
}

INLINE void few_coded(const int source, const gemm_few *f)
{
    const gemm_stored b = { f->b, f->b_stride, f->factors };
    const int64_t vecs = f->columns / LANES, numbers = unit_numbers(source), all = f->k / numbers * numbers;
    __m256 sums[VECTORS][GEMM_FEW_ROWS], values[CODED_RUN][VECTORS];
    gemm_stored eight[VECTORS];
    for (int64_t v = 0; v < vecs; v++) {
        eight[v] = rows_from(&b, v * LANES);
        for (int64_t i = 0; i < f->rows; i++)
            sums[v][i] = f->accumulate ? _mm256_loadu_ps(f->c + i * f->c_stride + v * LANES) : _mm256_setzero_ps();
    }
    for (int64_t at = 0, count; at < all; at += count) {
        count = gemm_min(CODED_RUN, all - at);
        for (int64_t v = 0; v < vecs; v++)
            for (int64_t n = 0; n < count; n += numbers) {
                const char *next = f->ahead + v * LANES * f->b_stride + (at + n) / numbers * UNIT_BYTES;
                UNROLL for (int r = 0; r < LANES; r++) __builtin_prefetch(next + r * f->b_stride, 0, 2);
                coded_unit(source, &eight[v], at + n, (real *)&values[n][v], VECTORS * LANES);
            }
        if (vecs == VECTORS) coded_rows(VECTORS, f, count, at, values, sums);
        else
            for (int64_t v = 0; v < vecs; v++)
                coded_rows(1, f, count, at, (const __m256(*)[VECTORS])(values[0] + v), sums + v);
    }
    for (int64_t v = 0; v < vecs; v++)
        for (int64_t i = 0; i < f->rows; i++) _mm256_storeu_ps(f->c + i * f->c_stride + v * LANES, sums[v][i]);
    for (int64_t j = 0; j < f->columns; j++)
        for (int64_t q = all; q < f->k; q++) {
            const real value = coded_number(source, &b, j, q);
            for (int64_t i = 0; i < f->rows; i++) {
                real *c = f->c + i * f->c_stride + j;
                *c = real_fma(f->a[i][q], value, *c);
            }
        }
}

#define CODED(NAME, S)                                                                                                       \
    static void transpose_##NAME(const gemm_stored *in, int64_t k, real *out, int64_t step)                                 \
    {                                                                                                                        \
        transpose_coded(S, in, k, out, step);                                                                                \
    }                                                                                                                        \
    static void few_##NAME(const gemm_few *f) { few_coded(S, f); }
CODED(f8, GEMM_F8) CODED(e2m1, GEMM_E2M1)

#endif
