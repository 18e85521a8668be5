/* number_factors.c - the forms of factors, and the product with them in plain C. */
#include "kernel/number_factors.h"

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

const number_factor_form number_factor_f32 = { 128, 128, 4, of_f32 };
const number_factor_form number_factor_bf16 = { 128, 128, 2, of_bf16 };
const number_factor_form number_factor_e8m0 = { 1, 32, 1, of_e8m0 };

void number_apply_factors(
    const number_factors *x, int64_t row, int64_t from, int64_t count, float *values)
{
    if (!x->form) return;
    const int64_t cols = x->form->cols, to = from + count;
    const number_factors of_row = number_factors_from(*x, row, 0);
    for (int64_t i = from, end; i < to; i = end) {
        const float factor = x->form->value(of_row.at + i / cols * x->form->bytes);
        end = (i / cols + 1) * cols;
        if (end > to) end = to;
        for (int64_t j = i; j < end; j++) values[j - from] *= factor;
    }
}
