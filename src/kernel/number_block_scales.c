/* number_block_scales.c - the forms of block scales, and the product with them in plain C. */
#include "kernel/number_block_scales.h"

#include <string.h>

#include "kernel/number_levels.h"

static float of_f32(const uint8_t *at)
{
    float value;
    memcpy(&value, at, sizeof value);
    return value;
}

static float of_bf16(const uint8_t *at)
{
    return number_float_of_bits((uint32_t)at[1] << 24 | (uint32_t)at[0] << 16);
}

static float of_e8m0(const uint8_t *at) { return number_half_e8m0(*at); }

const number_block_scale_form number_block_scale_f32 = { 128, 128, 4, of_f32 };
const number_block_scale_form number_block_scale_bf16 = { 128, 128, 2, of_bf16 };
const number_block_scale_form number_block_scale_e8m0 = { 1, 32, 1, of_e8m0 };

void number_apply_block_scales(
    const number_block_scales *x, int64_t row, int64_t from, int64_t count, float *values)
{
    if (!x->form) return;
    const int64_t cols = x->form->cols, to = from + count;
    const number_block_scales of_row = number_block_scales_from(*x, row, 0);
    for (int64_t i = from, end; i < to; i = end) {
        const float scale = x->form->value(of_row.at + i / cols * x->form->bytes);
        end = (i / cols + 1) * cols;
        if (end > to) end = to;
        for (int64_t j = i; j < end; j++) values[j - from] *= scale;
    }
}
