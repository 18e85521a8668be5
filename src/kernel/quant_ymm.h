/* quant_ymm.h - eight lanes of 32 bits, for the variants whose registers have 32 bytes. */
#include <immintrin.h>

#include "kernel/quant_words.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")
#define INTERLEAVED 1
#define INTERLEAVED_AT_ONCE 2
enum { LANES = 8, INTERLEAVED_DIRECT = 4 };

typedef uint32_t words __attribute__((vector_size(32)));
typedef float floats __attribute__((vector_size(32)));

INLINE words all_words(int32_t x) { return (words)_mm256_set1_epi32(x); }
INLINE floats all_floats(float x) { return (floats)_mm256_set1_ps(x); }
INLINE floats load_floats(const float *x) { return (floats)_mm256_loadu_ps(x); }
INLINE void store_floats(float *y, floats x) { _mm256_storeu_ps(y, (__m256)x); }
INLINE floats floats_of(words x) { return (floats)_mm256_cvtepi32_ps((__m256i)x); }
INLINE floats floats_of_bits(words x) { return (floats)x; }
INLINE floats fma_floats(floats a, floats b, floats c)
{
    return (floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

INLINE floats floats_of_halves(words x)
{
    __m256i low = (__m256i)(x & 0xffff),
            packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
    return (floats)_mm256_cvtph_ps(_mm256_castsi256_si128(packed));
}

INLINE words signed_byte(words x, int i)
{
    return (words)_mm256_srai_epi32(_mm256_slli_epi32((__m256i)x, 24 - 8 * i), 24);
}

INLINE __m256 two_rows(const uint8_t *low, const uint8_t *high)
{
    __m256 x = _mm256_castps128_ps256(_mm_loadu_ps((const float *)low));
    return _mm256_insertf128_ps(x, _mm_loadu_ps((const float *)high), 1);
}

/* Rows r and r + 4 go to the halves of a register; 4 x 4 words are transposed in each half. */
INLINE void transpose_words(const uint8_t *at, int64_t stride, words out[4])
{
    __m256 r0 = two_rows(at, at + 4 * stride), r1 = two_rows(at + stride, at + 5 * stride);
    __m256 r2 = two_rows(at + 2 * stride, at + 6 * stride),
           r3 = two_rows(at + 3 * stride, at + 7 * stride);
    __m256 low01 = _mm256_unpacklo_ps(r0, r1), high01 = _mm256_unpackhi_ps(r0, r1);
    __m256 low23 = _mm256_unpacklo_ps(r2, r3), high23 = _mm256_unpackhi_ps(r2, r3);
    out[0] = (words)_mm256_shuffle_ps(low01, low23, 0x44);
    out[1] = (words)_mm256_shuffle_ps(low01, low23, 0xee);
    out[2] = (words)_mm256_shuffle_ps(high01, high23, 0x44);
    out[3] = (words)_mm256_shuffle_ps(high01, high23, 0xee);
}

#define EACH(READ)                                                                                 \
    {                                                                                              \
        READ(at)                                                                                   \
        , READ(at + stride)                                                                        \
        , READ(at + 2 * stride)                                                                    \
        , READ(at + 3 * stride)                                                                    \
        , READ(at + 4 * stride)                                                                    \
        , READ(at + 5 * stride)                                                                    \
        , READ(at + 6 * stride)                                                                    \
        , READ(at + 7 * stride)                                                                    \
    }
INLINE words each_word(const uint8_t *at, int64_t stride) { return (words)EACH(word_at); }
INLINE words each_byte(const uint8_t *at, int64_t stride) { return (words)EACH(*); }
INLINE words each_half(const uint8_t *at, int64_t stride)
{
    typedef uint16_t half_words __attribute__((vector_size(16)));
    return (words)_mm256_cvtepu16_epi32((__m128i)(half_words)EACH(half_word_at));
}

INLINE words load_words(const uint8_t *at)
{
    return (words)_mm256_loadu_si256((const __m256i *)at);
}
INLINE words load_halves(const uint8_t *at)
{
    return (words)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)at));
}
INLINE floats load_half_floats(const uint8_t *at)
{
    return (floats)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at));
}
INLINE words load_bytes(const uint8_t *at)
{
    return (words)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)at));
}

INLINE words levels_of(words quants, const int8_t *levels)
{
    __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)levels));
    return (words)_mm256_shuffle_epi8(table, (__m256i)quants);
}

INLINE words look_up(const uint16_t *table, words index)
{
    typedef uint16_t half_words __attribute__((vector_size(16)));
    const half_words found = { table[index[0]], table[index[1]], table[index[2]], table[index[3]],
        table[index[4]], table[index[5]], table[index[6]], table[index[7]] };
    return (words)_mm256_cvtepu16_epi32((__m128i)found);
}

/* The byte of `signs` that has the bits goes to all four bytes of its lane, each of which looks at
 * one bit. */
INLINE words negate_bytes(words bytes, words signs, int at)
{
    const __m256i lane = _mm256_set_epi32(
        0x0c0c0c0c, 0x08080808, 0x04040404, 0, 0x0c0c0c0c, 0x08080808, 0x04040404, 0);
    const __m256i from = _mm256_add_epi8(lane, _mm256_set1_epi8((char)(at / 8)));
    const __m256i bit = _mm256_set1_epi32(at % 8 ? (int)0x80402010 : 0x08040201);
    const __m256i all = _mm256_shuffle_epi8((__m256i)signs, from);
    const __m256i minus = _mm256_cmpeq_epi8(_mm256_and_si256(all, bit), bit);
    return (words)_mm256_sub_epi8(_mm256_xor_si256((__m256i)bytes, minus), minus);
}
