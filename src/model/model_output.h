/* model_output.h - a whole model written: to a folder as Hugging Face has them, or to one GGUF file. */
#ifndef CADRE_MODEL_MODEL_OUTPUT_H
#define CADRE_MODEL_MODEL_OUTPUT_H

#include "model/tensor_list.h"

typedef struct model_output {
    const char *path;           /* a folder, or NAME.gguf; must not be there yet */
    const model_config *config;
    const char *tokenizer;      /* the text of a tokenizer.json; NULL: none */
    size_t tokenizer_size;
    const gguf *vocabulary;     /* where its tokenizer.ggml.* are copied from; NULL: made of `tokenizer` */
    list_format format;         /* what is neither of a vector nor, in GGUF, of a router, which stay float32 */
    list_row row;
    list_progress progress;     /* NULL: not wanted */
    void (*note)(void *arg, const char *sentence); /* what the file cannot hold; NULL: not wanted */
    void *arg;
} model_output;

/* Files appear under their names whole, the weights first; a failure leaves none. *bytes, before anything is written: of
 * weights. */
cadre_status model_output_write(const model_output *output, int64_t *bytes);

/* The vocabulary's keys of a GGUF; for model_output.c. */
cadre_status gguf_put_vocabulary(gguf_writer *w, const model_output *output);

#endif
