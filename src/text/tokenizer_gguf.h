/* tokenizer_gguf.h - reads tokenizers from the metadata of GGUF files. */
#ifndef CADRE_TEXT_TOKENIZER_GGUF_H
#define CADRE_TEXT_TOKENIZER_GGUF_H

#include "format/gguf.h"
#include "text/tokenizer.h"

/* Reads tokenizer.ggml.*: model "llama" (SentencePiece's BPE, by score) or "gpt2" (byte-level BPE,
 * split as tokenizer.ggml.pre says). Other models, and names that are not in the list of
 * pre-tokenizers, are refused by name. The file is not needed afterwards. */
cadre_status tokenizer_from_gguf(const gguf *file, tokenizer **t);

bool tokenizer_in_gguf(const gguf *file); /* whether it has one, of any kind */

#endif
