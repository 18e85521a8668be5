/* gemm_x86.h - what AVX2 and AVX-512 tiles have in common: rows of b turned into columns in
 * registers of eight floats, from floats or straight from two halved formats; for packing, and for
 * products of few rows, which never pack.
 *
 * Eight rows at a time for both: rows a power of two apart fall into one set of the first-level
 * cache, which has eight ways. */
#ifndef CADRE_KERNEL_GEMM_X86_H
#define CADRE_KERNEL_GEMM_X86_H

enum { LANES = 8, WORDS = 8 /* that are turned at once */, WORD_BYTES = 4 };

/* A word is a float or a pair of halves. */
INLINE int64_t word_numbers(const int source) { return source == GEMM_REALS ? 1 : 2; }

/* Four words of row r and of row r + 4 in the two halves of a register: loads, which need no
 * shuffle. */
INLINE __m256 quads(const char *in, int64_t stride)
{
    __m128 low = _mm_loadu_ps((const float *)in),
           high = _mm_loadu_ps((const float *)(in + 4 * stride));
    return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
}

/* Words: column i in out[i], a row in each lane. */
INLINE void turn_words(const char *in, int64_t stride, __m256 out[WORDS])
{
    UNROLL
    for (int i = 0; i < WORDS; i += 4) {
        const char *at = in + i * WORD_BYTES;
        __m256 r0 = quads(at, stride), r1 = quads(at + stride, stride);
        __m256 r2 = quads(at + 2 * stride, stride), r3 = quads(at + 3 * stride, stride);
        __m256 low01 = _mm256_unpacklo_ps(r0, r1), high01 = _mm256_unpackhi_ps(r0, r1);
        __m256 low23 = _mm256_unpacklo_ps(r2, r3), high23 = _mm256_unpackhi_ps(r2, r3);
        out[i] = _mm256_shuffle_ps(low01, low23, 0x44);
        out[i + 1] = _mm256_shuffle_ps(low01, low23, 0xee);
        out[i + 2] = _mm256_shuffle_ps(high01, high23, 0x44);
        out[i + 3] = _mm256_shuffle_ps(high01, high23, 0xee);
    }
}

/* Sixteen halves, as they are made floats, eight beside each other: column i in the lower half of
 * out[i] and column i + 8 in the upper, a row in each 16 bits. */
INLINE void turn_halves(const char *in, int64_t stride, __m256 out[WORDS])
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

/* A unit is WORDS words of eight rows, turned as the source's numbers are best taken from it. */
INLINE void turn(const int source, const char *in, int64_t stride, __m256 unit[WORDS])
{
    if (source == GEMM_F16) turn_halves(in, stride, unit);
    else turn_words(in, stride, unit);
}

/* Number n of the eight rows of a unit. A bfloat16 is the upper half of a float. */
INLINE __m256 number_of(const int source, const __m256 *unit, const int n)
{
    if (source == GEMM_REALS) return unit[n];
    if (source == GEMM_F16)
        return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(unit + n % WORDS) + n / WORDS));
    __m256i pair = _mm256_castps_si256(unit[n / 2]), upper = _mm256_set1_epi32((int)0xffff0000);
    return _mm256_castsi256_ps(n % 2 ? _mm256_and_si256(pair, upper) : _mm256_slli_epi32(pair, 16));
}

INLINE float number_at(const int source, const char *row, int64_t q)
{
    uint32_t bits = 0;
    memcpy((char *)&bits + (source == GEMM_BF16 ? 2 : 0), row + q * (source == GEMM_REALS ? 4 : 2),
        source == GEMM_REALS ? 4 : 2);
    if (source == GEMM_F16) return _cvtsh_ss((uint16_t)bits);
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/* ---- packing ---- */

INLINE void transpose(
    const int source, const char *in, int64_t stride, int64_t k, real *out, int64_t step)
{
    const int numbers = WORDS * (int)word_numbers(source);
    for (int r = 0; r < WIDTH; r += LANES, in += LANES * stride, out += LANES) {
        int64_t q = 0;
        for (; q + numbers <= k; q += numbers) {
            __m256 unit[WORDS];
            turn(source, in + q / word_numbers(source) * WORD_BYTES, stride, unit);
            UNROLL_16
            for (int n = 0; n < numbers; n++)
                _mm256_storeu_ps(out + (q + n) * step, number_of(source, unit, n));
        }
        for (; q < k; q++)
            for (int i = 0; i < LANES; i++)
                out[q * step + i] = number_at(source, in + i * stride, q);
    }
}

/* ---- few rows ---- */

/* A run of words of every row is turned before it is multiplied: rows a power of two apart cannot
 * lie in the first-level cache side by side for long. Both halves of that work fetch what comes
 * after these columns: every other line each. */
enum {
    RUN = 64 /* words of a row */,
    VECTORS = GEMM_FEW_COLUMNS / LANES,
    FETCH = 128 /* two lines */
};

/* The words of eight rows, a row in each lane; and two more, so that words of one column of several
 * eights, which are multiplied together, do not lie a power of two apart. */
typedef __m256 turned[RUN + 2];

/* `count` words of k of `vecs` times eight rows of b, times `rows` rows of a: sums stay in
 * registers, one chain a lane. */
INLINE void few_run(const int source, const int rows, const int vecs, int64_t count,
    const real *const *a, int64_t q, const turned *words, __m256 (*sums)[GEMM_FEW_ROWS],
    const char *ahead)
{
    __m256 acc[4][VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) acc[i][v] = sums[v][i];
    }
    const int64_t bytes = vecs * LANES * WORDS * WORD_BYTES;
    const int numbers = WORDS * (int)word_numbers(source);
    for (int64_t at = 0; at < count; at += WORDS, ahead += bytes) {
        UNROLL
        for (int64_t i = FETCH / 2; i < bytes; i += FETCH) __builtin_prefetch(ahead + i, 0, 2);
        UNROLL_16
        for (int n = 0; n < numbers; n++) {
            __m256 b[VECTORS];
            UNROLL
            for (int v = 0; v < vecs; v++) b[v] = number_of(source, words[v] + at, n);
            UNROLL
            for (int i = 0; i < rows; i++) {
                __m256 x = _mm256_set1_ps(a[i][q + at * word_numbers(source) + n]);
                UNROLL
                for (int v = 0; v < vecs; v++) acc[i][v] = _mm256_fmadd_ps(x, b[v], acc[i][v]);
            }
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vecs; v++) sums[v][i] = acc[i][v];
    }
}

INLINE void few_rows(const int source, const int vecs, const gemm_few *f, int64_t count, int64_t q,
    const turned *words, __m256 (*sums)[GEMM_FEW_ROWS], const char *ahead)
{
    for (int64_t i = 0; i < f->rows; i += 2) {
        __m256(*own)[GEMM_FEW_ROWS] = (__m256(*)[GEMM_FEW_ROWS])(sums[0] + i);
        if (i + 1 < f->rows) few_run(source, 2, vecs, count, f->a + i, q, words, own, ahead);
        else few_run(source, 1, vecs, count, f->a + i, q, words, own, ahead);
    }
}

/* What is left of k, number by number. */
INLINE void few_tail(const int source, const gemm_few *f, int64_t q)
{
    for (int64_t i = 0; i < f->rows; i++)
        for (int64_t j = 0; j < f->columns; j++)
            for (int64_t t = q; t < f->k; t++)
                f->c[i * f->c_stride + j] = real_fma(f->a[i][t],
                    number_at(source, f->b + j * f->b_stride, t), f->c[i * f->c_stride + j]);
}

INLINE void few(const int source, const gemm_few *f)
{
    const int64_t bytes = WORD_BYTES, numbers = word_numbers(source), vecs = f->columns / LANES;
    const int64_t all = f->k / numbers / WORDS * WORDS;
    __m256 sums[VECTORS][GEMM_FEW_ROWS];
    turned words[VECTORS];
    const char *ahead = f->ahead;
    for (int64_t v = 0; v < vecs; v++)
        for (int64_t i = 0; i < f->rows; i++)
            sums[v][i] = f->accumulate ? _mm256_loadu_ps(f->c + i * f->c_stride + v * LANES)
                                       : _mm256_setzero_ps();
    for (int64_t at = 0, count; at < all; at += count) {
        const char *fetch = ahead;
        count = gemm_min(RUN, all - at);
        for (int64_t v = 0; v < vecs; v++) {
            const char *in = f->b + v * LANES * f->b_stride + at * bytes;
            for (int64_t w = 0; w < count; w += WORDS, ahead += LANES * WORDS * bytes) {
                __m256 column[WORDS];
                turn(source, in + w * bytes, f->b_stride, column);
                UNROLL
                for (int i = 0; i < LANES * WORDS * WORD_BYTES; i += FETCH)
                    __builtin_prefetch(ahead + i, 0, 2);
                UNROLL
                for (int i = 0; i < WORDS; i++) words[v][w + i] = column[i];
            }
        }
        if (vecs == VECTORS) few_rows(source, VECTORS, f, count, at * numbers, words, sums, fetch);
        else
            for (int64_t v = 0; v < vecs; v++)
                few_rows(source, 1, f, count, at * numbers, words + v, sums + v, fetch);
    }
    for (int64_t v = 0; v < vecs; v++)
        for (int64_t i = 0; i < f->rows; i++)
            _mm256_storeu_ps(f->c + i * f->c_stride + v * LANES, sums[v][i]);
    if (all * numbers < f->k) few_tail(source, f, all * numbers);
}

#define SOURCE(NAME, S)                                                                            \
    static void transpose_##NAME(const gemm_stored *in, int64_t k, real *out, int64_t step)        \
    {                                                                                              \
        transpose(S, in->at, in->stride, k, out, step);                                            \
    }                                                                                              \
    static void few_##NAME(const gemm_few *f) { few(S, f); }
SOURCE(reals, GEMM_REALS)
SOURCE(f16, GEMM_F16)
SOURCE(bf16, GEMM_BF16)
#define TRANSPOSES                                                                                 \
    {                                                                                              \
        transpose_reals, transpose_f16, transpose_bf16, transpose_f8, transpose_e2m1               \
    }
#define FEWS                                                                                       \
    {                                                                                              \
        few_reals, few_f16, few_bf16, few_f8, few_e2m1                                             \
    }

/* ---- rows of halved formats as they lie ---- */

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
