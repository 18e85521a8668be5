/* files.h - reads and writes the parameters of a model in its safetensors file, by the names of its
 * architecture. */
#ifndef CADRE_WEIGHTS_FILES_H
#define CADRE_WEIGHTS_FILES_H

#include "arch/param.h"
#include "base/real.h"
#include "format/safetensors.h"
#include "kernel/number.h"

/* Fills the flat layout from the tensors of a folder or a GGUF. A missing tensor, one of another
 * shape, and one that the configuration does not know are refused by name. */
cadre_status model_read_values(
    const char *path, const model_config *config, const param_table *table, real *values);

/* The code book of images alone, [K patches]; config->images has a side. */
cadre_status model_read_image_codes(const char *path, const model_config *config, real *codes);

/* Elements of a parameter that this process has; values[0] is element range.first. */
typedef struct held_values {
    param_range range;
    const real *values;
} held_values;

/* Where a flat array is, of which files get elements */
typedef struct values_source {
    /* What this process has of the parameter p, the row p->index of the model's table. The rest is
     * skipped when it is written, for other ranks write that. */
    held_values (*held)(const void *arg, const param *p);
    /* If it is not NULL, all elements are written, and read with it, a few thousand at a time;
     * first: in the flat layout */
    cadre_status (*read)(const void *arg, int64_t first, int64_t count, real *to);
    const void *arg;
} values_source;

values_source values_in_memory(const real *values); /* all of an array; borrowed */

/* Declares and writes a model, up to finishing the file.
 * format: f32, f16 or bf16; what is not trained by gradient is f32 all the same */
cadre_status model_write(safetensors_writer *w, const model_config *config,
    const param_table *table, const number_format *format, const values_source *values);

/* Declares and writes one flat array of the whole model, with `prefix` before each tensor's name. A
 * table of one rank's share takes its slices of the array. Rows of PARAM_STATE are left out if
 * trained_only. */
cadre_status model_declare_values(safetensors_writer *w, const char *prefix,
    const model_config *config, const param_table *table, bool trained_only);
cadre_status model_put_values(safetensors_writer *w, const param_table *table,
    const values_source *values, bool trained_only);
cadre_status model_take_values(const safetensors *file, const char *prefix,
    const model_config *config, const param_table *table, bool trained_only, real *values);

#endif
