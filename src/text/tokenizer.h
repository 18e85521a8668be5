/* tokenizer.h - text to token ids and back: one object for every kind of vocabulary.
 *
 * A tokenizer is read from a tokenizer.json (of the tokenizers package) or from a vocabulary that
 * another file holds, and gives the ids that the published model was trained with. Whatever its
 * file asks for and this code does not do is refused by name when it is opened. An open tokenizer
 * does not change, and any number of threads may use it at once. */
#ifndef CADRE_TEXT_TOKENIZER_H
#define CADRE_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cadre/text.h"
#include "base/buffer.h"

typedef struct cadre_tokenizer tokenizer; /* what cadre.h hands out */

/* Opens a tokenizer.json, a folder with one, or a GGUF file. */
cadre_status tokenizer_open(const char *path, tokenizer **t);
cadre_status tokenizer_open_json(const char *path, tokenizer **t);
/* Opens a tokenizer.json that lies in memory; `name` stands in errors. */
cadre_status tokenizer_open_text(const char *json, size_t size, const char *name, tokenizer **t);
void tokenizer_close(tokenizer *t);
/* Whether a folder or a GGUF file has a tokenizer. */
bool tokenizer_exists(const char *path);

/* ---- text to ids ---- */

/* Appends the ids of `size` bytes, which may be any bytes. flags: CADRE_ADD_SPECIAL,
 * CADRE_PARSE_SPECIAL. */
cadre_status tokenizer_encode(
    const tokenizer *t, const char *text, size_t size, unsigned flags, token_list *ids);

/* Does the same, but recognises control tokens everywhere except in the `literal` parts [count],
 * which are in order and disjoint. */
cadre_status tokenizer_encode_parts(const tokenizer *t, const char *text, size_t size,
    const text_range *literal, size_t count, token_list *ids);

/* ---- ids to text ---- */

/* Appends the bytes of `count` ids; ids outside the vocabulary leave no text. Byte tokens (<0xE4>)
 * in a row that are not UTF-8 together become one U+FFFD each. flags: CADRE_SKIP_SPECIAL. */
cadre_status tokenizer_decode(
    const tokenizer *t, const int32_t *ids, size_t count, unsigned flags, byte_buffer *text);

/* A stream gives the same text id by id, in whole characters only: an unfinished character waits
 * for its remaining bytes, and malformed bytes become U+FFFD. The text of a call is borrowed until
 * the next call. */
typedef struct token_stream token_stream;
cadre_status token_stream_new(const tokenizer *t, unsigned flags, token_stream **s); /* borrows t */
cadre_status token_stream_put(token_stream *s, int32_t id, string_view *text);
/* The bytes of the id that was put last, which need not be whole characters. Borrowed as above. */
string_view token_stream_last(const token_stream *s);
/* Gives out what is left, after which the stream is as new. */
cadre_status token_stream_end(token_stream *s, string_view *text);
void token_stream_free(token_stream *s);
/* All that a stream gives out for these ids: whole characters only, unlike tokenizer_decode. */
cadre_status token_stream_all(
    const tokenizer *t, const int32_t *ids, size_t count, unsigned flags, byte_buffer *text);

/* ---- the vocabulary ---- */

int32_t tokenizer_size(const tokenizer *t); /* one more than the highest id */
/* The piece as the file spells it, borrowed; size 0: there is no such id. */
string_view tokenizer_piece(const tokenizer *t, int32_t id);
int32_t tokenizer_id(const tokenizer *t, const char *piece, size_t size); /* -1: no such piece */
/* A control token, such as <|endoftext|> */
bool tokenizer_is_special(const tokenizer *t, int32_t id);

/* The tokens that begin and end a text; -1: the files do not say. They stand in the
 * tokenizer_config.json beside a tokenizer.json, which tokenizer_open reads where there is one. */
int32_t tokenizer_bos(const tokenizer *t);
int32_t tokenizer_eos(const tokenizer *t);

/* The program with which the model's files write a conversation. It must never be run. Borrowed;
 * size 0: there is none. */
string_view tokenizer_chat_program(const tokenizer *t);

#endif
