/* files.h - the parameters of a model to and from its safetensors file, by the names of its
 * architecture. */
#ifndef CADRE_WEIGHTS_FILES_H
#define CADRE_WEIGHTS_FILES_H

#include "arch/param.h"
#include "base/real.h"
#include "format/safetensors.h"

/* Fills the flat layout from the tensors of a folder or a GGUF. A missing tensor, one of another
 * shape, and one that the configuration does not know are refused by name. */
cadre_status model_read_values(
    const char *path, const model_config *config, const param_table *table, real *values);

/* PATH whole and synced under a temporary name, its hash known; safetensors_writer_commit is left
 * with the renaming. */
cadre_status model_seal_values(const char *path, const model_config *config,
    const param_table *table, const real *values, safetensors_writer **sealed, hash128 *hash);

/* Declares and streams one flat array of the whole model, each tensor's name after `prefix`; a
 * table of a rank's share takes its slices. PARAM_STATE rows are left out if trained_only. */
cadre_status model_declare_values(safetensors_writer *w, const char *prefix,
    const model_config *config, const param_table *table, bool trained_only);
cadre_status model_put_values(
    safetensors_writer *w, const param_table *table, const real *values, bool trained_only);
cadre_status model_take_values(const safetensors *file, const char *prefix,
    const model_config *config, const param_table *table, bool trained_only, real *values);

#endif
