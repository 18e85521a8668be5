/* number_f32.c - IEEE single precision: the identity. */
#include <string.h>

#include "kernel/number.h"

static void unpack(const void *blocks, float *values, int64_t count)
{
    memcpy(values, blocks, (size_t)count * 4);
}

static void pack(const float *values, void *blocks, int64_t count)
{
    memcpy(blocks, values, (size_t)count * 4);
}

const number_format number_f32 = { "f32", "F32", 0, 1, 4, unpack, pack, 0.0, 0 };
