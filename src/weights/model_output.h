/* model_output.h - describes a model that is written, and where. */
#ifndef CADRE_WEIGHTS_MODEL_OUTPUT_H
#define CADRE_WEIGHTS_MODEL_OUTPUT_H

#include "cadre/write.h"
#include "text/tokenizer.h"
#include "weights/companions.h"
#include "weights/tensor_list.h"

typedef struct model_output {
    const char *path; /* a folder, or NAME.gguf; must not exist yet */
    const model_config *config;
    const tokenizer *tokenizer;   /* NULL: none, or one that could not be opened */
    string_view tokenizer_json;   /* its text; size 0: none */
    const companions *companions; /* what is copied unchanged; NULL: nothing */
    /* The file whose tokenizer.ggml.* are copied; NULL: they are made of `tokenizer`. */
    const gguf *vocabulary;
    tensor_source source;
    /* llama.cpp's number for the format that was asked for; -1: that of the format of most
     * elements */
    int file_type;
    const cadre_output_listener *listener; /* NULL: there is none */
} model_output;

/* Tells the listener, if there is one. */
void model_output_note(const model_output *output, const char *sentence);

#endif
