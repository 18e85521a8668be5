/* number_f16.c - IEEE half precision: 1 sign, 5 exponent, 10 mantissa bits. */
#include "kernel/number.h"
#include "kernel/number_half.h"

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint16_t *halves = blocks;
    for (int64_t i = 0; i < count; i++) values[i] = number_widen_half(halves[i]);
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint16_t *halves = blocks;
    for (int64_t i = 0; i < count; i++) halves[i] = number_narrow_half(values[i]);
}

const number_format number_f16 = { "f16", "F16", 1, 1, 2, unpack, pack, 0x1p-11, 1 };
