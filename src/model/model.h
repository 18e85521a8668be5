/* model.h - an opened model: its configuration, its weights where they lie in the mapped file, and
 * its tokenizer. */
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
    weight_file file;    /* the weights are views of the file ... */
    placement placement; /* ... or of copies */
    /* The encoder of an encoder-decoder, from the same file; NULL: there is none. */
    cadre_model *encoder;
    tokenizer *tokenizer; /* NULL until some thread asks for it, under the lock */
    lock opening;
    int64_t opened_bytes, tokenizer_bytes; /* of memory, measured when each was opened */
};

bool model_has_tokenizer(const cadre_model *m);

#endif
