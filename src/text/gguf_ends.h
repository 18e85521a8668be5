/* gguf_ends.h - which tokens of a GGUF's vocabulary end a text: those that keys name, and control
 * tokens of known names. */
#ifndef CADRE_TEXT_GGUF_ENDS_H
#define CADRE_TEXT_GGUF_ENDS_H

#include "base/buffer.h"
#include "format/gguf.h"

/* The id of a special token, by its key. -1, in whatever width it was written, says that there is
 * none, and so does an id that the vocabulary of `count` pieces does not have: the result is then
 * left as it was, as where the key is absent. */
cadre_status gguf_special_id(const gguf *file, const char *key, int64_t count, int32_t *id);

/* Appends the ids of all tokens that end a text: the one that the file calls its end first. */
cadre_status gguf_ends(const gguf *file, int64_t count, token_list *ids);

#endif
