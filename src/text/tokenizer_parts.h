/* tokenizer_parts.h - what a tokenizer is made of; for the files that build one.
 *
 * Text becomes ids in these steps: control and other added tokens are taken out; the text between
 * them is normalized and split into words; one of two models encodes each word; ids are put before
 * and after. Ids become text in one step: each id's spelling passes through the decoder. */
#ifndef CADRE_TEXT_TOKENIZER_PARTS_H
#define CADRE_TEXT_TOKENIZER_PARTS_H

#include "base/file.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/tokenizer.h"
#include "text/unigram.h"

/* Every id is smaller. This is four times the largest published vocabulary. */
enum { TOKENIZER_ID_MAX = 1 << 20 };
enum { CHAT_PROGRAM_MAX = 1 << 20 }; /* bytes */
/* Bytes of a file without its tables; a JSON tree of this size takes tens of milliseconds */
enum { TOKENIZER_REST_MOST = 2 << 20 };

struct cadre_tokenizer {
    char *name;         /* path, for errors */
    file_map map;       /* of the file it was read from ... */
    char *text;         /* ... or a copy of its text */
    string_view source; /* one of the two */

    added_tokens added;
    normalizer normalizer;
    pretokenizer pretokenizer;
    vocabulary pieces;       /* of the model */
    vocabulary added_pieces; /* of the added tokens, in the spelling that is decoded */
    bool is_unigram;         /* which of the two models */
    bpe bpe;
    unigram unigram;
    token_list before, after; /* ids put around a text */
    decoder decoder;
    int32_t bos, eos, pad; /* -1: not known */
    byte_buffer chat;      /* the program that writes a conversation */
};

static inline int32_t tokenizer_unknown(const tokenizer *t)
{
    return t->is_unigram ? t->unigram.unknown : t->bpe.unknown;
}

/* An empty tokenizer with its name. */
cadre_status tokenizer_new(const char *name, tokenizer **t);

/* Reads the members "normalizer", "pre_tokenizer" and "decoder" of a tokenizer.json's root. */
cadre_status tokenizer_read_steps(tokenizer *t, const json_node *root);

#endif
