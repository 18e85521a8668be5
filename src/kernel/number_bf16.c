/* number_bf16.c - bfloat16, the upper half of a float. Rounds to nearest, ties to even; NaNs stay
 * NaNs. */
#include <string.h>

#include "kernel/number.h"

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint16_t *halves = blocks;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)halves[i] << 16;
        memcpy(&values[i], &bits, 4);
    }
}

static inline uint16_t narrow(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    /* quiet: a payload in the lower half alone must not become infinity */
    uint32_t nan = (bits >> 16) | 0x40;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

static void pack(const float *values, void *blocks, int64_t count)
{
    uint16_t *halves = blocks;
    for (int64_t i = 0; i < count; i++) halves[i] = narrow(values[i]);
}

const number_format number_bf16 = { "bf16", "BF16", 30, 1, 2, unpack, pack, 0x1p-8, 32 };
