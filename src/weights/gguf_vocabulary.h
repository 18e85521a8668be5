/* gguf_vocabulary.h - writes the vocabulary's keys of a GGUF. */
#ifndef CADRE_WEIGHTS_GGUF_VOCABULARY_H
#define CADRE_WEIGHTS_GGUF_VOCABULARY_H

#include "format/gguf.h"
#include "weights/model_output.h"

cadre_status gguf_put_vocabulary(gguf_writer *w, const model_output *output);

#endif
