/* gguf_steps.h - how the texts of a GGUF file's vocabulary are split and put together again.
 *
 * The file only names the way. Here the way is written as the "normalizer", "pre_tokenizer" and
 * "decoder" of a tokenizer.json and read by the code that reads those, so that there is one
 * description. In the other direction, a tokenizer is compared with each way. */
#ifndef CADRE_TEXT_GGUF_STEPS_H
#define CADRE_TEXT_GGUF_STEPS_H

#include "text/pre_tokenizers.h"
#include "text/tokenizer_parts.h"

typedef struct gguf_steps {
    const pre_tokenizer *pre; /* byte-level; NULL: SentencePiece's */
    /* SentencePiece's: a space is put before a text and after special tokens. */
    bool space_prefix;
    bool merges; /* SentencePiece's: there is a list of merges in place of scores (Gemma 4) */
    /* Unigram's: runs of white space become one space, and none is left at the ends. */
    bool merge_spaces;
    /* Unigram's: replaces characters first; NULL: there is none. Borrowed from the tokenizer */
    const charsmap *map;
    const char
        *difference; /* how a tokenizer that is almost like this differs; NULL: it does not */
} gguf_steps;

void gguf_steps_write(const gguf_steps *s, json_writer *w); /* into an object that is open */
cadre_status gguf_steps_read(const gguf_steps *s, tokenizer *t);
cadre_status gguf_steps_of(const tokenizer *t, gguf_steps *s, bool *found);

typedef enum gguf_piece_type { /* a column beside the pieces of such a file */
    GGUF_PIECE_NORMAL = 1,
    GGUF_PIECE_UNKNOWN,
    GGUF_PIECE_CONTROL,
    GGUF_PIECE_USER_DEFINED,
    GGUF_PIECE_UNUSED,
    GGUF_PIECE_BYTE
} gguf_piece_type;

enum { GGUF_PADDING_BYTES = 32 };
/* Writes the name of a row without a piece into `name`, and returns it. */
const char *gguf_padding_name(size_t id, char name[GGUF_PADDING_BYTES]);

#endif
