/* tensor_use.h - which tensors of a file parameters are made of. */
#ifndef CADRE_WEIGHTS_TENSOR_USE_H
#define CADRE_WEIGHTS_TENSOR_USE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct tensor_use {
    const uint8_t **data; /* [room] where each begins */
    size_t count, room;
} tensor_use;

cadre_status tensor_use_add(tensor_use *use, const uint8_t *data);
void tensor_use_free(tensor_use *use);

#endif
