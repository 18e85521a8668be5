/* tokenizer_gguf.h - tokenizers from the metadata of GGUF files. */
#ifndef CADRE_TEXT_TOKENIZER_GGUF_H
#define CADRE_TEXT_TOKENIZER_GGUF_H

#include "format/gguf.h"
#include "text/tokenizer.h"

/* From tokenizer.ggml.*: model "llama" (SentencePiece's BPE, by score) or "gpt2" (byte-level BPE,
 * cut as tokenizer.ggml.pre names it). Other models, and names that are not in the list of
 * pre-tokenizers, are refused by name. The file is not needed afterwards. */
cadre_status tokenizer_from_gguf(const gguf *file, tokenizer **t);

bool tokenizer_in_gguf(const gguf *file); /* whether it has one, of whatever kind */

#endif
