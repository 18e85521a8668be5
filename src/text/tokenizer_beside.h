/* tokenizer_beside.h - the files beside a tokenizer.json: which tokens begin and end a text, and
 * the program that writes a conversation. */
#ifndef CADRE_TEXT_TOKENIZER_BESIDE_H
#define CADRE_TEXT_TOKENIZER_BESIDE_H

#include "text/tokenizer_parts.h"

/* Reads them from the folder that the tokenizer.json at `path` is in; each file may be missing. */
cadre_status tokenizer_read_beside(tokenizer *t, const char *path);

#endif
