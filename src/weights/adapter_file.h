/* adapter_file.h - adapters in folders, as the peft package has them: adapter_config.json and
 * adapter_model.safetensors. */
#ifndef CADRE_WEIGHTS_ADAPTER_FILE_H
#define CADRE_WEIGHTS_ADAPTER_FILE_H

#include "format/safetensors.h"
#include "weights/adapter.h"

#define ADAPTER_WEIGHTS "adapter_model.safetensors"
#define ADAPTER_CONFIG "adapter_config.json"

/* Reads what a folder's adapter_config.json says of an adapter of this model. Refuses, by key, what
 * would make it something other than pairs (adapter.h). */
cadre_status adapter_read_config(
    const char *folder, const model_config *config, adapter_spec *spec);
/* base: the model that it belongs to, as the user named it */
cadre_status adapter_write_config(
    const adapter *a, const model_config *config, const char *base, const char *folder);

/* Fills the flat layout from the folder's tensors: F32, F16 or BF16. Refuses a missing tensor, one
 * of another shape, numbers that are not finite, and tensors that are no part of the adapter. */
cadre_status adapter_read_values(
    const char *folder, const model_config *config, const adapter *a, real *values);
/* As model_write of files.h */
cadre_status adapter_write(
    safetensors_writer *w, const model_config *config, const adapter *a, const real *values);

/* An optimiser's state of an adapter: an array for each of its parameters, which are rows of
 * `table` with shapes of the state's own. model_put_values of files.h writes it. */
cadre_status adapter_declare_state(
    safetensors_writer *w, const char *prefix, const param_table *table);
cadre_status adapter_take_state(
    const safetensors *file, const char *prefix, const param_table *table, real *values);

#endif
