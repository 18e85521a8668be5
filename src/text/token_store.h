/* token_store.h - the tokens of a domain in a file, so that they are made once, and are read a
 * window at a time.
 *
 *     training words      int32 [training], as token_word.h says
 *     validation words    int32 [validation]
 *     held-out documents  int64 [held_documents] where each ends in the text that follows
 *     held-out text       [held_bytes]
 *     footer              counts, what is known of the texts, the key, and a hash of all this
 *
 * A key says what the tokens were made of and how. A file is replaced whole, so one that is there
 * is complete; whatever has another key, size or version is no store. */
#ifndef CADRE_TEXT_TOKEN_STORE_H
#define CADRE_TEXT_TOKEN_STORE_H

#include "base/buffer.h"
#include "base/file_reader.h"
#include "format/hash.h"

enum { TOKEN_STORE_LEVELS = 24 };

typedef struct token_facts {
    int64_t bytes, documents; /* of the domain's texts */
    int64_t texts, conversations, completions;
    int64_t decompressed; /* files of them */
    int64_t json;         /* files of JSON that are read as one text */
    /* Documents that begin among any 2^i words of the training part, at most */
    int64_t most[TOKEN_STORE_LEVELS];
    hash128 content; /* corpus_hash */
} token_facts;

typedef struct held_text {
    byte_buffer text;
    int64_t *ends; /* [documents], the last is text.size */
    size_t documents, room;
} held_text;
void held_text_free(held_text *h);

typedef struct token_store {
    char *path;
    file_reader file;
    int64_t training, validation, held_documents, held_bytes;
    token_facts facts;
} token_store;

/* NULL in *s where there is no such file, or it is no store with this key. */
cadre_status token_store_open(const char *path, hash128 key, token_store **s);
void token_store_close(token_store *s); /* NULL is fine */
/* Training words from .. from + count - 1. Several threads may call it. */
cadre_status token_store_read(const token_store *s, int64_t from, int64_t count, int32_t *words);
/* The first validation words, `most` at most */
cadre_status token_store_read_validation(const token_store *s, int64_t most, token_list *words);
/* h is empty before. */
cadre_status token_store_read_held_out(const token_store *s, held_text *h);

/* Writes one: training words in pieces, then the rest. */
typedef struct token_store_writer token_store_writer;
cadre_status token_store_begin(const char *path, token_store_writer **w);
cadre_status token_store_put(token_store_writer *w, const int32_t *words, size_t count);
/* Frees w, whatever happens. `most` of the facts is filled in. */
cadre_status token_store_end(token_store_writer *w, hash128 key, token_facts *facts,
    const token_list *validation, const held_text *held);
void token_store_discard(token_store_writer *w); /* NULL is fine */

#endif
