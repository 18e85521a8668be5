/* param_source.h - one parameter in a file: found by name, checked, and used where it lies or read
 * as floats. */
#ifndef CADRE_WEIGHTS_PARAM_SOURCE_H
#define CADRE_WEIGHTS_PARAM_SOURCE_H

#include "arch/tensor_name.h"
#include "base/real.h"
#include "kernel/number_block_scales.h"
#include "weights/packed_weight.h"
#include "weights/tensor_use.h"
#include "weights/weight_file.h"

typedef struct param_source {
    const param *param;
    unsigned form;                /* of the name it was found by */
    stored_tensor tensor, scales; /* scales: the tensor of its block scales, if any */
    tensor_place place;
    number_block_scales block_scales; /* of its stored rows */
    packed_weight packed;             /* .kind PACKED_NOT: it is in `tensor` */
} param_source;

/* Refuses, by name, a missing tensor, one of another shape, and one whose elements cannot be
 * read. */
cadre_status param_source_find(
    const weight_file *file, const model_config *config, const param *p, param_source *s);
/* Makes a source of the whole parameter one of a part of it: `part` is borrowed. */
/* Adds the tensors that it consists of. */
cadre_status param_source_add_use(const param_source *s, tensor_use *use);
int64_t param_source_bytes(const param_source *s); /* that the parameter takes in the file */
void param_source_cut(param_source *s, const param *part);
bool param_source_exists(const weight_file *file, const model_config *config, const param *p);

/* The first element, if kernels can read the rows in the file; otherwise NULL. */
const void *param_source_in_place(const param_source *s);

/* Reads row `row` [cols] of the parameter. The rows of a head that are rotated in pairs come in the
 * model's order, or with `stored` in the file's. */
void param_source_row(const param_source *s, int64_t row, bool stored, float *values);

/* The row of the packed matrix that is stored row `row` of the parameter */
int64_t param_source_packed_row(const param_source *s, int64_t row);

/* The bytes of the same row, if it lies in this format with its elements side by side; otherwise
 * NULL. */
const void *param_source_stored_row(
    const param_source *s, int64_t row, const number_format *format);

/* Reads a whole parameter [rows, cols] in the model's order. This also joins a kv_b that the file
 * holds in two tensors, and splits one where the model has two. The tensors that it was made of are
 * added to `use`; NULL: not wanted. */
cadre_status param_read(const weight_file *file, const model_config *config, const param *p,
    real *values, tensor_use *use);

#endif
