/* gemm_x86_quantised.h - B's rows of small floats with block scales (E4M3, E2M1), transposed in
 * registers of eight floats, for packing and for skinny products.
 *
 * Both formats are handled as words of four E4M3 values, which are transposed as words of floats
 * are; the values of E2M1, doubled, are E4M3 values too. The bits of an E4M3 value, shifted into
 * the fields of a float, make a float that is 2^120 too small, subnormals included; the block scale
 * is multiplied by 2^120 once to make up for it. NaNs and scales that would overflow take the
 * scalar path.
 *
 * E4M3, for example: 1.5 is 0x3c, sign 0, exponent 0111 (7, the bias), mantissa 100. As a float's
 * fields that is exponent 7 and mantissa 1.5: 1.5 * 2^(7 - 127) = 1.5 * 2^-120. */
#ifndef CADRE_KERNEL_GEMM_X86_QUANTISED_H
#define CADRE_KERNEL_GEMM_X86_QUANTISED_H

#include "kernel/gemm_x86.h"
#include "kernel/number_half.h"

enum { UNIT = 32 /* elements of a row that are transposed at once */, UNIT_WORDS = UNIT / 4 };

INLINE int64_t unit_bytes(const int source) { return source == GEMM_F8 ? UNIT : UNIT / 2; }

/* Element q of row r, by the number format's own unpack. */
static real quantised_element(const int source, const gemm_stored *b, int64_t r, int64_t q)
{
    const number_format *f = source == GEMM_F8 ? &number_f8_e4m3 : &number_e2m1;
    const int64_t skip = q % f->block;
    float values[2];
    f->unpack(b->at + r * b->stride + (q - skip) / f->block, values, f->block);
    number_apply_block_scales(&b->block_scales, r, q, 1, values + skip);
    return values[skip];
}

INLINE gemm_stored rows_from(const gemm_stored *b, int64_t row)
{
    number_block_scales scales = number_block_scales_from(b->block_scales, row, 0);
    return (gemm_stored){ b->at + row * b->stride, b->stride, scales };
}

/* ---- a unit of eight rows: words of four values, a row in each lane, and their block scales times
 * 2^120 ---- */

/* A scale is a float, or a bfloat16, which is the upper half of one; it is that of a block of 128,
 * of a row, or of the matrix. */
INLINE float scale_of_f8(const number_block_scales *x, int64_t row, int64_t q)
{
    const int64_t down = x->form->rows == 128 ? row / 128
                         : x->form->rows == 1 ? row
                                              : 0,
                  along = x->form->cols == 128 ? q / 128 : 0;
    const uint8_t *at = x->at + down * x->stride + along * x->form->bytes;
    uint32_t bits;
    uint16_t upper;
    memcpy(&upper, at, sizeof upper);
    bits = (uint32_t)upper << 16;
    if (x->form->bytes == 4) memcpy(&bits, at, sizeof bits);
    return number_float_of_bits(bits);
}

INLINE __m256 scales_of_f8(const number_block_scales *x, int64_t q)
{
    float values[LANES];
    if (x->skip + LANES <= x->form->rows) return _mm256_set1_ps(scale_of_f8(x, 0, q));
    for (int r = 0; r < LANES; r++) values[r] = scale_of_f8(x, x->skip + r, q);
    return _mm256_loadu_ps(values);
}

INLINE bool transpose_f8_unit(
    const gemm_stored *b, int64_t q, __m256 words[UNIT_WORDS], __m256 *scale)
{
    const __m256i magnitude = _mm256_set1_epi8(0x7f), nan = magnitude;
    __m256i largest = _mm256_setzero_si256();
    transpose_words(b->at + q, b->stride, words);
    UNROLL
    for (int i = 0; i < UNIT_WORDS; i++)
        largest =
            _mm256_max_epu8(largest, _mm256_and_si256(_mm256_castps_si256(words[i]), magnitude));
    *scale = _mm256_mul_ps(scales_of_f8(&b->block_scales, q), _mm256_set1_ps(0x1p120f));
    const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), *scale);
    const __m256i huge =
        _mm256_castps_si256(_mm256_cmp_ps(size, _mm256_set1_ps(INFINITY), _CMP_NLT_UQ));
    return !_mm256_movemask_epi8(_mm256_or_si256(huge, _mm256_cmpeq_epi8(largest, nan)));
}

INLINE bool transpose_e2m1_unit(
    const gemm_stored *b, int64_t q, __m256 words[UNIT_WORDS], __m256 *scale)
{
    const number_block_scales *x = &b->block_scales;
    const __m256i four_bits = _mm256_set1_epi8(15);
    const __m256i levels = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        /* 0, 0.5, 1, 1.5, 2, 3, 4, 6, doubled, as E4M3 (1 is 0x38), then their negatives */
        0, 0x38, 0x40, 0x44, 0x48, 0x4c, 0x50, 0x54, 0, -0x48, -0x40, -0x3c, -0x38, -0x34, -0x30,
        -0x2c));
    __m256i values[LANES];
    __m128i exponents = _mm_setzero_si128();
    UNROLL
    for (int r = 0; r < LANES; r++) {
        __m256i pairs =
            _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(b->at + r * b->stride + q / 2)));
        pairs = _mm256_and_si256(_mm256_or_si256(pairs, _mm256_slli_epi16(pairs, 4)), four_bits);
        values[r] = _mm256_shuffle_epi8(levels, pairs);
        exponents = _mm_alignr_epi8(_mm_cvtsi32_si128(x->at[r * x->stride + q / 32]), exponents, 1);
    }
    transpose_words((const char *)values, sizeof *values, words);
    const __m256i exponent = _mm256_cvtepu8_epi32(_mm_srli_si128(exponents, 8));
    *scale = _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(exponent, _mm256_set1_epi32(119)), 23));
    return !_mm256_movemask_epi8(_mm256_cmpgt_epi32(exponent, _mm256_set1_epi32(135)));
}

/* False: the unit has to take the scalar path. */
INLINE bool transpose_quantised_unit(
    const int source, const gemm_stored *b, int64_t q, __m256 words[UNIT_WORDS], __m256 *scale)
{
    return source == GEMM_F8 ? transpose_f8_unit(b, q, words, scale)
                             : transpose_e2m1_unit(b, q, words, scale);
}

/* The four elements of a word, as floats. On the way each becomes a bfloat16, the upper half of a
 * float. */
INLINE void widen_word(__m256 word, __m256 scale, __m256 element[4])
{
    const __m256i odd = _mm256_castps_si256(word), even = _mm256_slli_epi16(odd, 8),
                  fields = _mm256_set1_epi16((short)0x87f0);
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    const __m256i halves[2] = { _mm256_and_si256(_mm256_srai_epi16(even, 4), fields),
        _mm256_and_si256(_mm256_srai_epi16(odd, 4), fields) };
    UNROLL
    for (int i = 0; i < 2; i++) {
        element[i] = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_slli_epi32(halves[i], 16)), scale);
        element[i + 2] =
            _mm256_mul_ps(_mm256_castsi256_ps(_mm256_and_si256(halves[i], upper)), scale);
    }
}

/* ---- packing ---- */

INLINE void transpose_quantised(
    const int source, const gemm_stored *b, int64_t k, real *out, int64_t step)
{
    for (int r = 0; r < WIDTH; r += LANES, out += LANES) {
        const gemm_stored eight = rows_from(b, r);
        for (int64_t q = 0; q < k; q += UNIT) {
            __m256 words[UNIT_WORDS], scale, element[4];
            if (q + UNIT <= k && transpose_quantised_unit(source, &eight, q, words, &scale)) {
                UNROLL
                for (int w = 0; w < UNIT_WORDS; w++) {
                    widen_word(words[w], scale, element);
                    UNROLL
                    for (int i = 0; i < 4; i++)
                        _mm256_storeu_ps(out + (q + 4 * w + i) * step, element[i]);
                }
                continue;
            }
            for (int64_t n = q; n < gemm_min(q + UNIT, k); n++)
                for (int i = 0; i < LANES; i++)
                    out[n * step + i] = quantised_element(source, &eight, i, n);
        }
    }
}

/* ---- skinny products ---- */

/* A run of units of every row is transposed into a buffer before it is multiplied. */
enum { QUANTISED_RUN = 4 };

typedef struct quantised_units {
    /* Two more words, so that buffers read together do not lie a power of two apart */
    __m256 words[VECTORS][QUANTISED_RUN * UNIT_WORDS + 2];
    __m256 scale[VECTORS][QUANTISED_RUN];
} quantised_units;

/* sums [rows] += `rows` rows of A from column q on, times `count` units of `vecs` times eight rows
 * of B. */
INLINE void quantised_run(const int rows, const int vecs, int64_t count, const real *const *a,
    int64_t q, const quantised_units *units, int64_t v0, __m256 (*sums)[GEMM_SKINNY_ROWS])
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
                __m256 element[4];
                widen_word(units->words[v0 + v][w], units->scale[v0 + v][u], element);
                UNROLL
                for (int n = 0; n < 4; n++) {
                    UNROLL
                    for (int i = 0; i < rows; i++)
                        acc[i][v] = _mm256_fmadd_ps(
                            _mm256_set1_ps(a[i][q + 4 * w + n]), element[n], acc[i][v]);
                }
            }
        }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) sums[v][i] = acc[i][v];
    }
}

INLINE void quantised_rows(const int vecs, const gemm_skinny *p, int64_t count, int64_t q,
    const quantised_units *units, int64_t v0, __m256 (*sums)[GEMM_SKINNY_ROWS])
{
    for (int64_t i = 0; i < p->rows; i += 2) {
        __m256(*sums_of_rows)[GEMM_SKINNY_ROWS] = (__m256(*)[GEMM_SKINNY_ROWS])(sums[0] + i);
        if (i + 1 < p->rows) quantised_run(2, vecs, count, p->a + i, q, units, v0, sums_of_rows);
        else quantised_run(1, vecs, count, p->a + i, q, units, v0, sums_of_rows);
    }
}

/* The scalar path: the same for the columns q0..q1 of eight rows of B. */
static void skinny_scalar(const int source, const gemm_skinny *p, const gemm_stored *eight,
    int64_t q0, int64_t q1, __m256 sums[GEMM_SKINNY_ROWS])
{
    for (int64_t i = 0; i < p->rows; i++) {
        real sum[LANES];
        _mm256_storeu_ps(sum, sums[i]);
        for (int r = 0; r < LANES; r++)
            for (int64_t q = q0; q < q1; q++)
                sum[r] = real_fma(p->a[i][q], quantised_element(source, eight, r, q), sum[r]);
        sums[i] = _mm256_loadu_ps(sum);
    }
}

/* Transposes `count` units of eight rows, and prefetches as much of what comes after these columns.
 * False: some unit has to take the scalar path. */
INLINE bool transpose_quantised_run(const int source, const gemm_stored *eight, int64_t q,
    int64_t count, const char *prefetch, quantised_units *units, int64_t v)
{
    enum { LINE = 64 };
    const int64_t bytes = unit_bytes(source), at = q / UNIT * bytes;
    bool vectorised = true;
    for (int64_t i = at; i < at + count * bytes; i += LINE) {
        UNROLL
        for (int r = 0; r < LANES; r++) __builtin_prefetch(prefetch + r * eight->stride + i, 0, 2);
    }
    for (int64_t u = 0; u < count; u++)
        vectorised &= transpose_quantised_unit(
            source, eight, q + u * UNIT, &units->words[v][u * UNIT_WORDS], &units->scale[v][u]);
    return vectorised;
}

INLINE void skinny_quantised(const int source, const gemm_skinny *p)
{
    const gemm_stored b = { p->b, p->b_stride, p->block_scales };
    const int64_t vecs = p->columns / LANES;
    __m256 sums[VECTORS][GEMM_SKINNY_ROWS];
    gemm_stored eight[VECTORS];
    quantised_units units;
    for (int64_t v = 0; v < vecs; v++) {
        eight[v] = rows_from(&b, v * LANES);
        for (int64_t i = 0; i < p->rows; i++)
            sums[v][i] = p->accumulate ? _mm256_loadu_ps(p->c + i * p->c_stride + v * LANES)
                                       : _mm256_setzero_ps();
    }
    for (int64_t q = 0, end; q < p->k; q = end) {
        int64_t count = gemm_min(QUANTISED_RUN, (p->k - q) / UNIT), done = q + count * UNIT;
        bool vectorised = true;
        end = count ? done : p->k;
        for (int64_t v = 0; v < vecs; v++)
            vectorised &= transpose_quantised_run(
                source, &eight[v], q, count, p->prefetch + v * LANES * p->b_stride, &units, v);
        if (vectorised && vecs == VECTORS) quantised_rows(VECTORS, p, count, q, &units, 0, sums);
        for (int64_t v = 0; vectorised && vecs < VECTORS && v < vecs; v++)
            quantised_rows(1, p, count, q, &units, v, sums + v);
        for (int64_t v = 0; v < vecs; v++)
            skinny_scalar(source, p, &eight[v], vectorised ? done : q, end, sums[v]);
    }
    for (int64_t v = 0; v < vecs; v++)
        for (int64_t i = 0; i < p->rows; i++)
            _mm256_storeu_ps(p->c + i * p->c_stride + v * LANES, sums[v][i]);
}

#define QUANTISED(NAME, S)                                                                         \
    static void transpose_##NAME(const gemm_stored *in, int64_t k, real *out, int64_t step)        \
    {                                                                                              \
        transpose_quantised(S, in, k, out, step);                                                  \
    }                                                                                              \
    static void skinny_##NAME(const gemm_skinny *p) { skinny_quantised(S, p); }
QUANTISED(f8, GEMM_F8)
QUANTISED(e2m1, GEMM_E2M1)

#endif
