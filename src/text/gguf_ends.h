/* gguf_ends.h - which tokens of a GGUF's vocabulary end a text: those that keys name, and tokens of
 * known names, of whatever type. */
#ifndef CADRE_TEXT_GGUF_ENDS_H
#define CADRE_TEXT_GGUF_ENDS_H

#include "base/buffer.h"
#include "format/gguf.h"

/* Reads the id of a special token by its key. An id of -1 (in any width) says that there is no such
 * token. In that case, and where the key is absent or the vocabulary of `count` pieces does not
 * have the id, *id stays as it was. */
cadre_status gguf_special_id(const gguf *file, const char *key, int64_t count, int32_t *id);

/* Appends the ids of all tokens that end a text. The one that the file calls its end comes
 * first. */
cadre_status gguf_ends(const gguf *file, int64_t count, token_list *ids);

#endif
