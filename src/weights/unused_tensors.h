/* unused_tensors.h - refuses a file with tensors that no parameter is made of, because its model is
 * not what its configuration says. */
#ifndef CADRE_WEIGHTS_UNUSED_TENSORS_H
#define CADRE_WEIGHTS_UNUSED_TENSORS_H

#include "arch/config.h"
#include "weights/tensor_use.h"
#include "weights/weight_file.h"

/* Refuses a tensor that no parameter is made of, such as a bias that the configuration does not
 * mention. Sorts `use`. */
cadre_status unused_tensors_check(
    tensor_use *use, const weight_file *file, const model_config *config);

/* Does the same for everything that the opened model is made of, without reading it. */
cadre_status unused_tensors_check_model(const weight_file *file, const model_config *config);

#endif
