/* model.h - an opened model: its numbers, its weights where they lie in the mapped file, its
 * tokenizer. */
#ifndef CADRE_MODEL_MODEL_H
#define CADRE_MODEL_MODEL_H

#include "kernel/context.h"
#include "text/tokenizer.h"
#include "weights/placement.h"

struct cadre_model {
    cadre_context *context; /* borrowed */
    char *path;
    model_config config;
    param_table table;
    model_weights weights;
    weight_file file;    /* what the weights are views of ... */
    placement placement; /* ... or copies */
    /* Of an encoder-decoder: its numbers and weights, of the same file; NULL: none */
    cadre_model *encoder;
    tokenizer *tokenizer; /* NULL until asked for, by any thread, under the lock */
    lock opening;
    int64_t opened_bytes, tokenizer_bytes; /* of memory, measured when each was opened */
};

bool model_has_tokenizer(const cadre_model *m);

#endif
