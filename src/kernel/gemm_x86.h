/* gemm_x86.h - what AVX2 and AVX-512 tiles have in common: rows of b turned into columns in registers of eight floats, from
 * floats or straight from two halved formats; for packing, and for products of few rows, which never pack.
 *
 * Eight rows at a time for both: rows a power of two apart fall into one set of the first-level cache, which has eight ways. */
#ifndef CADRE_KERNEL_GEMM_X86_H
#define CADRE_KERNEL_GEMM_X86_H

enum { LANES = 8, WORDS = 8 /* of 32 bits that are turned at once */ };

/* A word is a float, one half (made a float by its load), or a pair of bfloat16. */
INLINE int64_t word_bytes(const int source) { return source == GEMM_F16 ? 2 : 4; }
INLINE int64_t word_numbers(const int source) { return source == GEMM_BF16 ? 2 : 1; }

/* Four words of row r and of row r + 4 in the two halves of a register: loads, which need no shuffle. */
INLINE __m256 quads(const int source, const char *in, int64_t stride)
{
    if (source == GEMM_F16)
        return _mm256_cvtph_ps(_mm_castps_si128(
            _mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)in)), (const __m64 *)(in + 4 * stride))));
    __m128 low = _mm_loadu_ps((const float *)in), high = _mm_loadu_ps((const float *)(in + 4 * stride));
    return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
}

/* Words of eight rows: column i in out[i], a row in each lane. */
INLINE void columns_of(const int source, const char *in, int64_t stride, __m256 out[WORDS])
{
    UNROLL for (int i = 0; i < WORDS; i += 4) {
        const char *at = in + i * word_bytes(source);
        __m256 r0 = quads(source, at, stride), r1 = quads(source, at + stride, stride);
        __m256 r2 = quads(source, at + 2 * stride, stride), r3 = quads(source, at + 3 * stride, stride);
        __m256 low01 = _mm256_unpacklo_ps(r0, r1), high01 = _mm256_unpackhi_ps(r0, r1);
        __m256 low23 = _mm256_unpacklo_ps(r2, r3), high23 = _mm256_unpackhi_ps(r2, r3);
        out[i] = _mm256_shuffle_ps(low01, low23, 0x44);
        out[i + 1] = _mm256_shuffle_ps(low01, low23, 0xee);
        out[i + 2] = _mm256_shuffle_ps(high01, high23, 0x44);
        out[i + 3] = _mm256_shuffle_ps(high01, high23, 0xee);
    }
}

/* The two numbers of a pair: a bfloat16 is the upper half of a float. */
INLINE __m256 first_of(__m256 pair) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(pair), 16)); }
INLINE __m256 second_of(__m256 pair) { return _mm256_and_ps(pair, _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000))); }

INLINE float number_at(const int source, const char *row, int64_t q)
{
    uint32_t bits = 0;
    memcpy((char *)&bits + (source == GEMM_BF16 ? 2 : 0), row + q * (source == GEMM_REALS ? 4 : 2), source == GEMM_REALS ? 4 : 2);
    if (source == GEMM_F16) return _cvtsh_ss((uint16_t)bits);
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/* ---- packing ---- */

INLINE void transpose_8(const int source, const char *in, int64_t stride, real *out, int64_t step)
{
    __m256 column[WORDS];
    columns_of(source, in, stride, column);
    UNROLL for (int i = 0; i < WORDS; i++) {
        if (source == GEMM_BF16) {
            _mm256_storeu_ps(out + 2 * i * step, first_of(column[i]));
            _mm256_storeu_ps(out + (2 * i + 1) * step, second_of(column[i]));
        } else _mm256_storeu_ps(out + i * step, column[i]);
    }
}

INLINE void transpose(const int source, const char *in, int64_t stride, int64_t k, real *out, int64_t step)
{
    const int64_t chunk = WORDS * word_numbers(source);
    for (int r = 0; r < WIDTH; r += LANES, in += LANES * stride, out += LANES) {
        int64_t q = 0;
        for (; q + chunk <= k; q += chunk)
            transpose_8(source, in + q / word_numbers(source) * word_bytes(source), stride, out + q * step, step);
        for (; q < k; q++)
            for (int i = 0; i < LANES; i++) out[q * step + i] = number_at(source, in + i * stride, q);
    }
}

/* ---- few rows ---- */

/* A run of words of every row is turned before it is multiplied: rows a power of two apart cannot lie in the first-level cache
 * side by side for long. Both halves of that work fetch what comes after these columns: every other line each. */
enum { RUN = 64 /* words of a row */, VECTORS = GEMM_FEW_COLUMNS / LANES, FETCH = 128 /* two lines */ };

/* `count` words of k of `vecs` times eight rows of b, times `rows` rows of a: sums stay in registers, one chain a lane. */
INLINE void few_run(const int source, const int rows, const int vecs, int64_t count, const real *const *a, int64_t q,
                    const __m256 (*words)[VECTORS], __m256 (*sums)[GEMM_FEW_ROWS], const char *ahead)
{
    __m256 acc[4][VECTORS];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int v = 0; v < vecs; v++) acc[i][v] = sums[v][i];
    const int64_t bytes = vecs * LANES * WORDS * word_bytes(source);
    for (int64_t at = 0; at < count; at += WORDS, ahead += bytes) {
        UNROLL for (int64_t i = FETCH / 2; i < bytes; i += FETCH) __builtin_prefetch(ahead + i, 0, 2);
        UNROLL for (int w = 0; w < WORDS; w++)
            UNROLL for (int n = 0; n < word_numbers(source); n++) {
                __m256 b[VECTORS];
                UNROLL for (int v = 0; v < vecs; v++) {
                    __m256 word = words[at + w][v];
                    b[v] = source != GEMM_BF16 ? word : n ? second_of(word) : first_of(word);
                }
                UNROLL for (int i = 0; i < rows; i++) {
                    __m256 x = _mm256_set1_ps(a[i][q + (at + w) * word_numbers(source) + n]);
                    UNROLL for (int v = 0; v < vecs; v++) acc[i][v] = _mm256_fmadd_ps(x, b[v], acc[i][v]);
                }
            }
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int v = 0; v < vecs; v++) sums[v][i] = acc[i][v];
}

INLINE void few_rows(const int source, const int vecs, const gemm_few *f, int64_t count, int64_t q,
                     const __m256 (*words)[VECTORS], __m256 (*sums)[GEMM_FEW_ROWS], const char *ahead)
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
                f->c[i * f->c_stride + j] =
                    real_fma(f->a[i][t], number_at(source, f->b + j * f->b_stride, t), f->c[i * f->c_stride + j]);
}

INLINE void few(const int source, const gemm_few *f)
{
    const int64_t bytes = word_bytes(source), numbers = word_numbers(source), vecs = f->columns / LANES;
    const int64_t all = f->k / numbers / WORDS * WORDS;
    __m256 sums[VECTORS][GEMM_FEW_ROWS], words[RUN][VECTORS];
    const char *ahead = f->ahead;
    for (int64_t v = 0; v < vecs; v++)
        for (int64_t i = 0; i < f->rows; i++)
            sums[v][i] = f->accumulate ? _mm256_loadu_ps(f->c + i * f->c_stride + v * LANES) : _mm256_setzero_ps();
    for (int64_t at = 0, count; at < all; at += count) {
        const char *fetch = ahead;
        count = gemm_min(RUN, all - at);
        for (int64_t v = 0; v < vecs; v++) {
            const char *in = f->b + v * LANES * f->b_stride + at * bytes;
            for (int64_t w = 0; w < count; w += WORDS, ahead += LANES * WORDS * bytes) {
                __m256 column[WORDS];
                columns_of(source, in + w * bytes, f->b_stride, column);
                UNROLL for (int i = 0; i < LANES * WORDS * word_bytes(source); i += FETCH) __builtin_prefetch(ahead + i, 0, 2);
                UNROLL for (int i = 0; i < WORDS; i++) words[w + i][v] = column[i];
            }
        }
        if (vecs == VECTORS) few_rows(source, VECTORS, f, count, at * numbers, words, sums, fetch);
        else
            for (int64_t v = 0; v < vecs; v++)
                few_rows(source, 1, f, count, at * numbers, (const __m256(*)[VECTORS])(words[0] + v), sums + v, fetch);
    }
    for (int64_t v = 0; v < vecs; v++)
        for (int64_t i = 0; i < f->rows; i++) _mm256_storeu_ps(f->c + i * f->c_stride + v * LANES, sums[v][i]);
    if (all * numbers < f->k) few_tail(source, f, all * numbers);
}

#define SOURCE(NAME, S)                                                                                                      \
    static void transpose_##NAME(const void *in, int64_t stride, int64_t k, real *out, int64_t step)                         \
    {                                                                                                                        \
        transpose(S, in, stride, k, out, step);                                                                              \
    }                                                                                                                        \
    static void few_##NAME(const gemm_few *f) { few(S, f); }
SOURCE(reals, GEMM_REALS) SOURCE(f16, GEMM_F16) SOURCE(bf16, GEMM_BF16)
#define TRANSPOSES { transpose_reals, transpose_f16, transpose_bf16 }
#define FEWS { few_reals, few_f16, few_bf16 }

/* ---- rows of halved formats as they lie ---- */

static void unpack_f16(const void *in, real *out, int64_t count)
{
    const uint16_t *half = in;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(half + i))));
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
