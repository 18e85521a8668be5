/* companions.h - the files beside a model that neither training nor conversion changes: how to
 * generate, which tokens are special, how a conversation is written. */
#ifndef CADRE_WEIGHTS_COMPANIONS_H
#define CADRE_WEIGHTS_COMPANIONS_H

#include "arch/config.h"
#include "base/buffer.h"
#include "format/gguf.h"
#include "text/tokenizer.h"

typedef struct companions {
    /* borrowed: that the model came from; NULL: from a GGUF, or from nowhere */
    const char *folder;
    byte_buffer generation;       /* its generation_config.json; empty: it has none */
    byte_buffer tokenizer_config; /* its tokenizer_config.json, likewise */
} companions;

/* Of a model's folder, or of a GGUF that is open (file; path is not read then). */
cadre_status companions_read(
    const char *path, const gguf *file, const model_config *config, companions *c);
void companions_free(companions *c);

/* generation_config.json, as it was or from `config`. */
cadre_status companions_write(const companions *c, const model_config *config, const char *folder);

/* tokenizer_config.json, as it was, and from `t` (NULL: one that cannot be opened) and the context
 * where it is silent; and what else lay beside a tokenizer. */
cadre_status companions_write_tokenizer(const companions *c, const model_config *config,
    const tokenizer *t, int64_t context, const char *folder);

/* The values of sampling that GGUF has keys for, and all of it as text. */
cadre_status companions_put_gguf(const companions *c, gguf_writer *w);

#endif
