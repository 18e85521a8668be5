/* bf16.h - arithmetic of bfloat16 products, as --compute bf16 defines it and as the x86 instruction
 * vdpbf16ps computes it, to the bit.
 *
 * Operands are floats rounded to bfloat16, to nearest, ties to even; denormal floats become zero.
 * A step is c + a b with one rounding, for the product of two bfloat16 is exact. Denormal operands
 * count as zero, and a tiny result becomes zero of its sign: tiny is judged after rounding to 24
 * bits as if the exponent had no end.
 *
 * An element of a product is one chain of steps in the order of k, like that of floats
 * (kernel/gemm.h). vdpbf16ps takes two steps, that of the upper halves first; so of two neighbours
 * in k the first one lies in the upper half. */
#ifndef CADRE_KERNEL_BF16_H
#define CADRE_KERNEL_BF16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t bf16_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

static inline float bf16_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static inline float bf16_flushed(float x)
{
    uint32_t bits = bf16_bits(x);
    return bits & 0x7f800000 ? x : bf16_float(bits & 0x80000000);
}

/* x rounded to bfloat16, as the upper half of a float whose lower half is zero */
static inline float bf16_round(float x)
{
    uint32_t bits = bf16_bits(bf16_flushed(x));
    if ((bits & 0x7fffffff) > 0x7f800000) return bf16_float((bits & 0xffff0000) | 0x400000);
    return bf16_float((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
}

/* ---- one step ---- */

/* The NaN that a step gives: of the first operand that is one, made quiet; else the usual one. */
static inline float bf16_nan(float a, float b, float c)
{
    const float operand[3] = { a, b, c };
    for (int i = 0; i < 3; i++)
        if (operand[i] != operand[i]) return bf16_float(bf16_bits(operand[i]) | 0x400000);
    return bf16_float(0xffc00000);
}

/* sum is rounded already, and `error` is what that lost: rounds sum to odd, so that rounding it
 * once more to fewer bits gives what one rounding would have. */
static inline double bf16_to_odd(double sum, double error)
{
    int64_t bits;
    memcpy(&bits, &sum, 8);
    if (error == 0 || bits & 1) return sum;
    bits += (error > 0) == (sum > 0) ? 1 : -1;
    memcpy(&sum, &bits, 8);
    return sum;
}

/* c + a b for any operands that are no denormals */
static inline float bf16_step_exactly(float a, float b, float c)
{
    double product = (double)a * (double)b, addend = (double)c, sum = product + addend;
    if (sum != sum) return bf16_nan(a, b, c);
    if (isinf(sum)) return (float)sum;
    double back = sum - product, error = (product - (sum - back)) + (addend - back);
    sum = bf16_to_odd(sum, error);
    float scaled = (float)(sum * 0x1p64); /* of what may be tiny, with an exponent to spare */
    if (fabs(sum) < 0x1p-100 && fabsf(scaled) < 0x1p-62f) return copysignf(0, scaled);
    return (float)sum;
}

/* The same: most operands are far from where floats end, and there a sum of floats is exact enough,
 * for the product is exact. */
static inline float bf16_step(float a, float b, float c)
{
    float product = a * b, sum = c + product;
    if ((a == 0 || b == 0) && sum == sum) return sum;
    if (fabsf(sum) >= 0x1p-90f && fabsf(sum) < 0x1p126f && fabsf(product) < 0x1p126f) return sum;
    return bf16_step_exactly(a, b, c);
}

/* vdpbf16ps: two operands in the halves of a and of b, the upper ones first */
static inline float bf16_pair_step(uint32_t a, uint32_t b, float c)
{
    float upper_a = bf16_flushed(bf16_float(a & 0xffff0000)),
          upper_b = bf16_flushed(bf16_float(b & 0xffff0000)),
          lower_a = bf16_flushed(bf16_float(a << 16)), lower_b = bf16_flushed(bf16_float(b << 16));
    return bf16_step(lower_a, lower_b, bf16_step(upper_a, upper_b, bf16_flushed(c)));
}

#endif
