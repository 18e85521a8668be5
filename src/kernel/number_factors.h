/* number_factors.h - numbers that stand for themselves times a factor, of which a second tensor
 * holds one for so many rows and columns. number = float of the code * float of the factor,
 * rounded. */
#ifndef CADRE_KERNEL_NUMBER_FACTORS_H
#define CADRE_KERNEL_NUMBER_FACTORS_H

#include <stdint.h>

typedef struct number_factor_form {
    int rows, cols; /* numbers that share a factor */
    int bytes;      /* of a factor */
    float (*value)(const uint8_t *at);
} number_factor_form;

/* A float for 128 rows and columns: DeepSeek's, for E4M3 */
extern const number_factor_form number_factor_f32;
extern const number_factor_form number_factor_bf16; /* the same in fewer bits: Qwen3's */
/* Half of a power of two for 32 of a row: MXFP4's, for E2M1 doubled */
extern const number_factor_form number_factor_e8m0;

/* The factors of a matrix, [rows / form->rows, cols / form->cols], rounded up. */
typedef struct number_factors {
    const number_factor_form *form; /* NULL: it has none */
    const uint8_t *at;
    int64_t stride; /* bytes from one row of factors to the next */
    /* Rows under the first row of factors that come before the matrix, which may be a part of
     * another */
    int64_t skip;
} number_factors;

/* Of the part of the matrix that begins at a row, and at a column where a factor begins. */
static inline number_factors number_factors_from(number_factors x, int64_t row, int64_t col)
{
    if (!x.form) return x;
    row += x.skip;
    x.at += row / x.form->rows * x.stride + col / x.form->cols * x.form->bytes;
    x.skip = row % x.form->rows;
    return x;
}

static inline int64_t number_factor_bytes(
    const number_factor_form *form, int64_t rows, int64_t cols)
{
    return form ? (rows + form->rows - 1) / form->rows * ((cols + form->cols - 1) / form->cols) *
                      form->bytes
                : 0;
}

/* values [count], the codes of a row from column `from` on, times their factors; without factors as
 * they are. */
void number_apply_factors(
    const number_factors *x, int64_t row, int64_t from, int64_t count, float *values);

#endif
