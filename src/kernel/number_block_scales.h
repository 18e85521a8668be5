/* number_block_scales.h - weights whose elements are multiplied by block scales, which a second
 * tensor holds: one for so many rows and columns.  value = float of the element * float of the
 * scale, rounded. */
#ifndef CADRE_KERNEL_NUMBER_BLOCK_SCALES_H
#define CADRE_KERNEL_NUMBER_BLOCK_SCALES_H

#include <stdbool.h>
#include <stdint.h>

struct number_format;

typedef struct number_block_scale_form {
    int rows, cols; /* of elements that share a scale */
    int bytes;      /* of a scale */
    float (*value)(const uint8_t *at);
    bool leading; /* it is the leading bytes of a float */
} number_block_scale_form;

/* A float for 128 rows and 128 columns: DeepSeek's, for E4M3 */
extern const number_block_scale_form number_block_scale_f32;
extern const number_block_scale_form number_block_scale_bf16; /* the same in bfloat16: Qwen3's */
/* Half of a power of two for 32 elements of a row: MXFP4's, for E2M1, which is doubled */
extern const number_block_scale_form number_block_scale_e8m0;

/* Groups of 32, 64 or 128 elements of a row, whole rows, and whole matrices, with scales in f32,
 * f16 or bf16. cols 0: all of a row; rows 0: all of the matrix. NULL: there is no such form. */
const number_block_scale_form *number_block_scale_form_of(
    int64_t rows, int64_t cols, const struct number_format *format);

/* The block scales of a matrix, [rows / form->rows, cols / form->cols], rounded up. */
typedef struct number_block_scales {
    const number_block_scale_form *form; /* NULL: it has none */
    const uint8_t *at;
    int64_t stride; /* bytes from one row of scales to the next */
    /* A matrix may be a slice of another: so many rows of the first row of scales come before
     * it */
    int64_t skip;
} number_block_scales;

/* The scales of the slice that begins at a row, and at a column where a scale begins. */
static inline number_block_scales number_block_scales_from(
    number_block_scales x, int64_t row, int64_t col)
{
    if (!x.form) return x;
    row += x.skip;
    x.at += row / x.form->rows * x.stride + col / x.form->cols * x.form->bytes;
    x.skip = row % x.form->rows;
    return x;
}

static inline int64_t number_block_scale_bytes(
    const number_block_scale_form *form, int64_t rows, int64_t cols)
{
    return form ? (rows + form->rows - 1) / form->rows * ((cols + form->cols - 1) / form->cols) *
                      form->bytes
                : 0;
}

/* Multiplies values [count], the elements of a row from column `from` on, by their scales. Without
 * scales it does nothing. */
void number_apply_block_scales(
    const number_block_scales *x, int64_t row, int64_t from, int64_t count, float *values);

#endif
