/* quant_portable.c - products with quantised weights in plain C: one lane, four
 * quantised values in a word. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include <string.h>

    #include "kernel/number_half.h"
    #include "kernel/quant_words.h"

    #define QUANT quant_portable
    #define INLINE static inline __attribute__((always_inline))
    #define UNROLL _Pragma("GCC unroll 8")
enum { LANES = 1, SIGNED_OFFSET = 128 };
    #define INTERLEAVED 0
    #define ROWS 4
    #define SIGNED_FLIP 0x80808080

typedef uint32_t words;
typedef float floats;

INLINE words all_words(int32_t x) { return (words)x; }
INLINE floats all_floats(float x) { return x; }
INLINE floats load_floats(const float *x) { return *x; }
INLINE void store_floats(float *y, floats x) { *y = x; }
INLINE floats floats_of(words x) { return (floats)(int32_t)x; }
INLINE floats floats_of_bits(words x) { return number_float_of_bits(x); }
INLINE floats fma_floats(floats a, floats b, floats c) { return fmaf(a, b, c); }
INLINE floats floats_of_halves(words x) { return number_widen_half((uint16_t)x); }
INLINE words signed_byte(words x, int i) { return (words)(int32_t)(int8_t)(x >> 8 * i); }

INLINE void transpose_words(const uint8_t *at, int64_t stride, words out[4])
{
    (void)stride;
    memcpy(out, at, 16);
}

INLINE words each_word(const uint8_t *at, int64_t stride)
{
    (void)stride;
    return word_at(at);
}

INLINE words each_half(const uint8_t *at, int64_t stride) { return (void)stride, half_word_at(at); }
INLINE words each_byte(const uint8_t *at, int64_t stride) { return (void)stride, at[0]; }

INLINE words load_words(const uint8_t *at) { return word_at(at); }
INLINE words load_halves(const uint8_t *at) { return half_word_at(at); }
INLINE floats load_half_floats(const uint8_t *at) { return floats_of_halves(load_halves(at)); }
INLINE words load_bytes(const uint8_t *at) { return at[0]; }

INLINE words levels_of(words quants, const int8_t *levels)
{
    words out = 0;
    for (int i = 0; i < 32; i += 8) out |= (words)(uint8_t)levels[quants >> i & 15] << i;
    return out;
}

INLINE words look_up(const uint16_t *table, words index) { return table[index]; }

INLINE words negate_bytes(words bytes, words signs, int at)
{
    words out = 0;
    for (int i = 0; i < 4; i++) {
        const words byte = bytes >> 8 * i & 255;
        out |= ((signs >> (at + i) & 1 ? -byte : byte) & 255) << 8 * i;
    }
    return out;
}

INLINE words dot(const int count, const int max_quant, const words *w, const int8_t *q, words sum)
{
    (void)max_quant;
    for (int i = 0; i < 4 * count; i++)
        sum += (words)((int32_t)(w[i / 4] >> i % 4 * 8 & 255) * q[i]);
    return sum;
}

    #include "kernel/quant_template.h"
#endif
