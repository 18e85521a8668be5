/* number_nvfp4_whole.c - NVFP4 of folders as memory holds it: blocks of 64 values in E2M1, a scale
 * in E4M3 for each 16 of them, and the scale of the whole matrix.
 * value = element (scale of 16 * scale of all). No file has it.
 *
 *     byte 0 .. 3           4 .. 7               8 .. 39
 *          scale of all     scales of 16 each    pairs, the first of two in the lower half */
#include <string.h>

#include "kernel/number.h"
#include "kernel/number_levels.h"

enum { BLOCK = 64, PART = 16, PARTS = BLOCK / PART, BLOCK_BYTES = 40, SCALES_AT = 4, PAIRS_AT = 8 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *at = blocks;
    for (int64_t b = 0; b < count / BLOCK; b++, at += BLOCK_BYTES, values += BLOCK) {
        float whole, scales[PARTS];
        memcpy(&whole, at, sizeof whole);
        number_f8_e4m3.unpack(at + SCALES_AT, scales, PARTS);
        number_e2m1.unpack(at + PAIRS_AT, values, BLOCK);
        for (int i = 0; i < BLOCK; i++) values[i] *= 0.5f * (scales[i / PART] * whole);
    }
}

const number_format number_nvfp4_whole = { "nvfp4_whole", NULL, -1, BLOCK, BLOCK_BYTES, unpack,
    NULL, 0, -1 };
