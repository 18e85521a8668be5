/* pre_tokenizers.h - THE LIST of byte-level pre-tokenizers that GGUF files name in
 * tokenizer.ggml.pre.
 *
 * A GGUF file holds a vocabulary and merges, but only the name of how its texts are split. What the
 * name means is known from the tokenizer.json of the published models. A row says it in the terms
 * of that file, so that a row and a file can be compared, and one made from the other. */
#ifndef CADRE_TEXT_PRE_TOKENIZERS_H
#define CADRE_TEXT_PRE_TOKENIZERS_H

#include "format/json_writer.h"

enum { PRE_STEPS_MAX = 6 };

typedef enum pre_kind {
    PRE_END,
    PRE_SPLIT,  /* by a pattern; each match is a piece */
    PRE_DIGITS, /* each digit alone */
    PRE_DIGIT_RUNS,
    PRE_PUNCTUATION, /* runs of it */
    /* GPT-2's pattern, then bytes become visible characters, which in other rows is the last
     * step */
    PRE_GPT2,
} pre_kind;

typedef struct pre_step {
    pre_kind kind;
    const char *pattern; /* PRE_SPLIT */
} pre_step;

typedef struct pre_tokenizer {
    const char *names; /* separated by spaces; the first is the one that is written */
    pre_step steps[PRE_STEPS_MAX];
    bool nfc;           /* text is composed first */
    bool ignore_merges; /* a word that is a piece becomes that piece */
    bool add_bos;       /* unless the file says otherwise */
} pre_tokenizer;

const pre_tokenizer *pre_tokenizer_find(const char *name, size_t size); /* NULL: unknown */
const pre_tokenizer *pre_tokenizer_at(int index);                       /* NULL after the last */

/* The row's value of "pre_tokenizer" in a tokenizer.json. */
void pre_tokenizer_write(const pre_tokenizer *row, json_writer *w, const char *key);

#endif
