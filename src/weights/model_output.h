/* model_output.h - what is written of a model, and where. */
#ifndef CADRE_WEIGHTS_MODEL_OUTPUT_H
#define CADRE_WEIGHTS_MODEL_OUTPUT_H

#include "cadre.h"
#include "text/tokenizer.h"
#include "weights/companions.h"
#include "weights/tensor_list.h"

typedef struct model_output {
    const char *path; /* a folder, or NAME.gguf; must not be there yet */
    const model_config *config;
    const tokenizer *tokenizer;   /* NULL: none, or one that could not be opened */
    string_view tokenizer_json;   /* its text; size 0: none */
    const companions *companions; /* what goes along unchanged; NULL: nothing */
    /* Where its tokenizer.ggml.* are copied from; NULL: made of `tokenizer` */
    const gguf *vocabulary;
    tensor_source source;
    /* llama.cpp's number of what was asked for; -1: that of the format of most numbers */
    int file_type;
    const cadre_output_listener *listener; /* NULL: nobody wants to know */
} model_output;

/* For whoever listens */
void model_output_note(const model_output *output, const char *sentence);

#endif
