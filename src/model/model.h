/* model.h - an opened model: its numbers, its weights where they lie in the mapped file, its tokenizer. */
#ifndef CADRE_MODEL_MODEL_H
#define CADRE_MODEL_MODEL_H

#include "format/safetensors.h"
#include "kernel/context.h"
#include "model/weights.h"
#include "text/tokenizer.h"

struct cadre_model {
    cadre_context *context; /* borrowed */
    char *path;
    model_config config;
    param_table table;
    moe_config *moe;        /* [layers], rows of dense ones unused */
    model_weights weights;
    safetensors *file;      /* what the weights are views of */
    real *copies;           /* of what cannot be used where it lies: vectors, and matrices in a layout of their own */
    int64_t copied_bytes, weight_bytes;
    char formats[64];
    tokenizer *tokenizer;   /* NULL until asked for */
};

bool model_has_tokenizer(const cadre_model *m);

#endif
