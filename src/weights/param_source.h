/* param_source.h - one parameter in a file: found by name, checked, used where it lies or read as
 * numbers. */
#ifndef CADRE_WEIGHTS_PARAM_SOURCE_H
#define CADRE_WEIGHTS_PARAM_SOURCE_H

#include "arch/tensor_name.h"
#include "base/real.h"
#include "kernel/number_block_scales.h"
#include "weights/tensor_use.h"
#include "weights/weight_file.h"

typedef struct param_source {
    const param *param;
    unsigned form;                /* of the name it was found by */
    stored_tensor tensor, scales; /* scales: what its factors are of, or nothing */
    tensor_place place;
    number_block_scales block_scales; /* of its stored rows */
} param_source;

/* A missing tensor, one of another shape, and one whose numbers cannot be read are refused by
 * name. */
cadre_status param_source_find(
    const weight_file *file, const model_config *config, const param *p, param_source *s);
bool param_source_exists(const weight_file *file, const model_config *config, const param *p);

/* Its first number where kernels can read its rows in the file; NULL: they cannot. */
const void *param_source_in_place(const param_source *s);

/* Row `row` [cols] of the parameter; of a head's rows in pairs in the model's order, or (stored) in
 * the file's. */
void param_source_row(const param_source *s, int64_t row, bool stored, float *values);

/* The bytes of the same row where it lies in this format, its numbers beside each other; NULL: it
 * does not. */
const void *param_source_stored_row(
    const param_source *s, int64_t row, const number_format *format);

/* A parameter whole [rows, cols], in the model's order; also a kv_b that the file holds in two, and
 * the two that it holds in one. The tensors that it was made of, up to two, are added to `use`,
 * which has the room; NULL: not wanted. */
cadre_status param_read(const weight_file *file, const model_config *config, const param *p,
    real *values, tensor_use *use);

#endif
