/* tokenizer.h - text to token ids and back: one object for every kind of vocabulary.
 *
 * A tokenizer is read from a tokenizer.json (of the tokenizers package) or from a vocabulary that
 * another file holds, and gives the ids that the published model was trained with. What its file
 * asks for and this code does not do is refused by name when it is opened. A tokenizer does not
 * change once open and may be used by any number of threads at once. */
#ifndef CADRE_TEXT_TOKENIZER_H
#define CADRE_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct cadre_tokenizer tokenizer; /* what cadre.h hands out */

/* tokenizer.json, a folder with one, GGUF */
cadre_status tokenizer_open(const char *path, tokenizer **t);
cadre_status tokenizer_open_json(const char *path, tokenizer **t);
/* name: for errors */
cadre_status tokenizer_open_text(const char *json, size_t size, const char *name, tokenizer **t);
void tokenizer_close(tokenizer *t);
/* Whether there is one to be opened, in a folder or a GGUF */
bool tokenizer_exists(const char *path);

/* ---- text to ids ---- */

/* Appends the ids of `size` bytes, which may be any bytes. flags: CADRE_ADD_SPECIAL,
 * CADRE_PARSE_SPECIAL. */
cadre_status tokenizer_encode(
    const tokenizer *t, const char *text, size_t size, unsigned flags, token_list *ids);

/* The same with control tokens recognised in all of the text but the `literal` parts [count], which
 * are in order and apart. */
cadre_status tokenizer_encode_parts(const tokenizer *t, const char *text, size_t size,
    const text_range *literal, size_t count, token_list *ids);

/* ---- ids to text ---- */

/* Appends the bytes of `count` ids; ids outside the vocabulary leave no text. Byte tokens (<0xE4>)
 * in a row that are no UTF-8 together become U+FFFD each. flags: CADRE_SKIP_SPECIAL. */
cadre_status tokenizer_decode(
    const tokenizer *t, const int32_t *ids, size_t count, unsigned flags, byte_buffer *text);

/* A stream gives the same text id by id, whole characters only: an unfinished character waits for
 * its rest, malformed bytes become U+FFFD. The text of a call is borrowed until the next one. */
typedef struct token_stream token_stream;
cadre_status token_stream_new(const tokenizer *t, unsigned flags, token_stream **s); /* borrows t */
cadre_status token_stream_put(token_stream *s, int32_t id, string_view *text);
/* What is left; the stream is then as new */
cadre_status token_stream_end(token_stream *s, string_view *text);
void token_stream_free(token_stream *s);

/* ---- the vocabulary ---- */

int32_t tokenizer_size(const tokenizer *t); /* one more than the highest id */
/* As the file spells it; size 0: no such id. Borrowed */
string_view tokenizer_piece(const tokenizer *t, int32_t id);
int32_t tokenizer_id(const tokenizer *t, const char *piece, size_t size); /* -1: no such piece */
/* A control token, such as <|endoftext|> */
bool tokenizer_is_special(const tokenizer *t, int32_t id);

/* Begin and end of text, -1 where the file does not say. A tokenizer.json itself does not: the
 * tokenizer_config.json beside it does, and tokenizer_open_json reads it where there is one. */
int32_t tokenizer_bos(const tokenizer *t);
int32_t tokenizer_eos(const tokenizer *t);

/* The program with which the model's files write a conversation, never to be run; size 0: there is
 * none. Borrowed. */
string_view tokenizer_chat_program(const tokenizer *t);

#endif
