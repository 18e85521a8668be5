/* tensor_use.h - which tensors of a file parameters are made of. A model whose file holds others is
 * not what it seems. */
#ifndef CADRE_WEIGHTS_TENSOR_USE_H
#define CADRE_WEIGHTS_TENSOR_USE_H

#include "arch/config.h"
#include "weights/weight_file.h"

typedef struct tensor_use {
    const uint8_t **data; /* [room] where each begins */
    size_t count, room;
} tensor_use;

cadre_status tensor_use_grow(tensor_use *use, size_t more); /* makes room for this many more */
void tensor_use_free(tensor_use *use);

/* Refuses a tensor that no parameter is made of, such as a bias that the configuration does not
 * mention. Sorts `use`. */
cadre_status tensor_use_check(tensor_use *use, const weight_file *file, const model_config *config);

/* Does the same for everything that the opened model is made of, without reading it. */
cadre_status tensor_use_check_model(const weight_file *file, const model_config *config);

#endif
