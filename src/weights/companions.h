/* companions.h - the files beside a model that neither training nor conversion changes: how to
 * generate, which tokens are special, how a conversation is written. */
#ifndef CADRE_WEIGHTS_COMPANIONS_H
#define CADRE_WEIGHTS_COMPANIONS_H

#include "arch/config.h"
#include "base/buffer.h"
#include "format/gguf.h"
#include "text/tokenizer.h"

typedef struct companions {
    /* The folder that the model came from, borrowed; NULL: it came from a GGUF, or from nowhere. */
    const char *folder;
    byte_buffer generation;       /* its generation_config.json; empty: it has none */
    byte_buffer tokenizer_config; /* its tokenizer_config.json, in the same way */
} companions;

/* Reads those of a model's folder, or of an open GGUF `file`, for which the path is not read. */
cadre_status companions_read(
    const char *path, const gguf *file, const model_config *config, companions *c);
void companions_free(companions *c);

/* Writes generation_config.json, as it was or made of `config`. */
cadre_status companions_write(const companions *c, const model_config *config, const char *folder);

/* Writes tokenizer_config.json as it was, with its gaps filled from `t` (NULL: it cannot be opened)
 * and the context; and the other files of a tokenizer. */
cadre_status companions_write_tokenizer(const companions *c, const model_config *config,
    const tokenizer *t, int64_t context, const char *folder);

/* Writes the values of sampling that GGUF has keys for, and all of generation_config.json as
 * text. */
cadre_status companions_put_gguf(const companions *c, gguf_writer *w);

#endif
