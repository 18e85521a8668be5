/* quant_avx512vnni.c - products with quantised weights by AVX-512 VNNI. There are sixteen lanes,
 * and an instruction adds four products of bytes to each word. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include <immintrin.h>

    #include "kernel/quant_words.h"

    #define QUANT quant_avx512vnni
    #define INLINE static inline __attribute__((always_inline))
    #define UNROLL _Pragma("GCC unroll 8")
    #define INTERLEAVED 1
    #define INTERLEAVED_AT_ONCE 8
    #define ROWS 8
    #define SIGNED_FLIP 0x80808080
enum { LANES = 16, SIGNED_OFFSET = 128, INTERLEAVED_DIRECT = 16 };

typedef uint32_t words __attribute__((vector_size(64)));
typedef float floats __attribute__((vector_size(64)));

INLINE words all_words(int32_t x) { return (words)_mm512_set1_epi32(x); }
INLINE floats all_floats(float x) { return (floats)_mm512_set1_ps(x); }
INLINE floats load_floats(const float *x) { return (floats)_mm512_loadu_ps(x); }
INLINE void store_floats(float *y, floats x) { _mm512_storeu_ps(y, (__m512)x); }
INLINE floats floats_of(words x) { return (floats)_mm512_cvtepi32_ps((__m512i)x); }
INLINE floats floats_of_bits(words x) { return (floats)x; }
INLINE floats fma_floats(floats a, floats b, floats c)
{
    return (floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
INLINE floats floats_of_halves(words x)
{
    return (floats)_mm512_cvtph_ps(_mm512_cvtepi32_epi16((__m512i)x));
}

INLINE words signed_byte(words x, int i)
{
    return (words)_mm512_srai_epi32(_mm512_slli_epi32((__m512i)x, (unsigned)(24 - 8 * i)), 24);
}

/* Rows r, r + 4, r + 8 and r + 12 in the quarters of a register. */
INLINE __m256 two_rows(const uint8_t *low, const uint8_t *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps((const float *)low)),
        _mm_loadu_ps((const float *)high), 1);
}

INLINE __m512 four_rows(const uint8_t *at, int64_t stride)
{
    __m256 low = two_rows(at, at + 4 * stride), high = two_rows(at + 8 * stride, at + 12 * stride);
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

/* Transposes 4 x 4 words in each quarter. */
INLINE void transpose_words(const uint8_t *at, int64_t stride, words out[4])
{
    __m512 r0 = four_rows(at, stride), r1 = four_rows(at + stride, stride);
    __m512 r2 = four_rows(at + 2 * stride, stride), r3 = four_rows(at + 3 * stride, stride);
    __m512 low01 = _mm512_unpacklo_ps(r0, r1), high01 = _mm512_unpackhi_ps(r0, r1);
    __m512 low23 = _mm512_unpacklo_ps(r2, r3), high23 = _mm512_unpackhi_ps(r2, r3);
    out[0] = (words)_mm512_shuffle_ps(low01, low23, 0x44);
    out[1] = (words)_mm512_shuffle_ps(low01, low23, 0xee);
    out[2] = (words)_mm512_shuffle_ps(high01, high23, 0x44);
    out[3] = (words)_mm512_shuffle_ps(high01, high23, 0xee);
}

    #define FOUR(READ, R)                                                                          \
        READ(at + R * stride)                                                                      \
        , READ(at + (R + 1) * stride)                                                              \
        , READ(at + (R + 2) * stride)                                                              \
        , READ(at + (R + 3) * stride)
    #define EACH(READ) FOUR(READ, 0), FOUR(READ, 4), FOUR(READ, 8), FOUR(READ, 12)
INLINE words each_word(const uint8_t *at, int64_t stride) { return (words){ EACH(word_at) }; }
INLINE words each_byte(const uint8_t *at, int64_t stride) { return (words){ EACH(*) }; }
INLINE words each_half(const uint8_t *at, int64_t stride)
{
    typedef uint16_t half_words __attribute__((vector_size(32)));
    return (words)_mm512_cvtepu16_epi32((__m256i)(half_words){ EACH(half_word_at) });
}

INLINE words load_words(const uint8_t *at) { return (words)_mm512_loadu_si512(at); }
INLINE words load_halves(const uint8_t *at)
{
    return (words)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)at));
}
INLINE floats load_half_floats(const uint8_t *at)
{
    return (floats)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)at));
}
INLINE words load_bytes(const uint8_t *at)
{
    return (words)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)at));
}

INLINE words levels_of(words quants, const int8_t *levels)
{
    __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)levels));
    return (words)_mm512_shuffle_epi8(table, (__m512i)quants);
}

/* Each load reads four bytes, of which the last two are the next element. */
INLINE words look_up(const uint16_t *table, words index)
{
    return (words)_mm512_and_si512(
        _mm512_i32gather_epi32((__m512i)index, table, 2), _mm512_set1_epi32(0xffff));
}

/* The byte of `signs` that has the bits goes to all four bytes of its lane, each of which looks at
 * one bit. */
INLINE words negate_bytes(words bytes, words signs, int at)
{
    const __m512i lane = _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0);
    const __m512i from = _mm512_add_epi8(lane, _mm512_set1_epi8((char)(at / 8)));
    const __m512i bit = _mm512_set1_epi32(at % 8 ? (int)0x80402010 : 0x08040201);
    const __m512i all = _mm512_shuffle_epi8((__m512i)signs, from);
    const __mmask64 minus = _mm512_test_epi8_mask(all, bit);
    return (words)_mm512_mask_sub_epi8(
        (__m512i)bytes, minus, _mm512_setzero_si512(), (__m512i)bytes);
}

/* In assembly: an instruction can broadcast q from memory and multiply, but compilers make two of
 * it, which is a third slower. */
INLINE words dot(const int count, const int max_quant, const words *w, const int8_t *q, words sum)
{
    typedef struct four {
        int8_t q[4];
    } four;
    (void)max_quant;
    UNROLL
    for (int j = 0; j < count; j++)
        __asm__("vpdpbusd %1%{1to16%}, %2, %0"
                : "+v"(sum)
                : "m"(*(const four *)(q + 4 * j)), "v"(w[j]));
    return sum;
}

    #include "kernel/quant_template.h"
#endif
