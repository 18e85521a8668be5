/* number_block_scales.c - the forms of block scales, and the product with them in plain C. */
#include "kernel/number_block_scales.h"

#include <string.h>

#include "kernel/number.h"
#include "kernel/number_half.h"
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

const number_block_scale_form number_block_scale_f32 = { 128, 128, 4, of_f32, true };
const number_block_scale_form number_block_scale_bf16 = { 128, 128, 2, of_bf16, true };
const number_block_scale_form number_block_scale_e8m0 = { 1, 32, 1, of_e8m0, false };

enum { ALL = 1 << 30, FORMATS = 3 };

#define FORMS(rows, cols)                                                                          \
    {                                                                                              \
        { rows, cols, 4, of_f32, true }, { rows, cols, 2, number_half_at, false },                 \
            { rows, cols, 2, of_bf16, true },                                                      \
    }
static const number_block_scale_form forms[][FORMATS] = {
    FORMS(1, 32),
    FORMS(1, 64),
    FORMS(1, 128),
    FORMS(1, ALL),
    FORMS(ALL, ALL),
};

const number_block_scale_form *number_block_scale_form_of(
    int64_t rows, int64_t cols, const number_format *format)
{
    const number_format *const formats[FORMATS] = { &number_f32, &number_f16, &number_bf16 };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (int k = 0; k < FORMATS; k++)
            if (formats[k] == format && forms[i]->rows == (rows ? rows : ALL) &&
                forms[i]->cols == (cols ? cols : ALL))
                return &forms[i][k];
    return NULL;
}

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
