/* checked.h - arithmetic on sizes that cannot wrap: each function returns false instead. Every size
 * that comes from a file or an option, and every product of two such sizes, goes through here
 * before it is used. */
#ifndef CADRE_BASE_CHECKED_H
#define CADRE_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool checked_add(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}
static inline bool checked_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* Rounds up to a multiple of `unit`, a power of two. */
static inline bool checked_pad(size_t size, size_t unit, size_t *padded)
{
    size_t up;
    if (!checked_add(size, unit - 1, &up)) return false;
    *padded = up & ~(unit - 1);
    return true;
}

/* Multiplies n factors, none of them negative, into a count that fits int64_t. */
static inline bool checked_product(const int64_t *factors, int n, int64_t *product)
{
    int64_t result = 1;
    for (int i = 0; i < n; i++)
        if (factors[i] < 0 || __builtin_mul_overflow(result, factors[i], &result)) return false;
    *product = result;
    return true;
}

#endif
