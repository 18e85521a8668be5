/* http_reader.h - requests of HTTP/1.1 from bytes that may be anything: a state machine without
 * input or output of its own.
 *
 * It takes what RFC 9112 says and nothing beside: what other servers read in two ways (two lengths,
 * a length with chunks, blanks before a colon, folded fields, bare line feeds, two hosts) is
 * refused, and what is refused ends the connection. Everything that a client can make large is
 * bounded: the head, its fields, the body while its chunks come, and what stands behind it.
 *
 *     while (there are bytes) {
 *         used = http_reader_take(r, data, size);
 *         HTTP_READY:    the head is whole; http_reader_accept(r) where the body is wanted
 *         HTTP_WHOLE:    there is a request; http_reader_next(r) makes ready for another
 *         HTTP_REFUSED:  answer r->status with r->sentence, and close
 *     } */
#ifndef CADRE_SERVE_HTTP_READER_H
#define CADRE_SERVE_HTTP_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum { HTTP_HEAD_MOST = 1 << 16, HTTP_TARGET_MOST = 1 << 13, HTTP_FIELDS = 100 };

typedef enum http_state {
    HTTP_HEAD,   /* more of the head is to come */
    HTTP_READY,  /* the head is whole; no body is read yet */
    HTTP_BODY,   /* more of the body is to come */
    HTTP_WHOLE,  /* a request */
    HTTP_REFUSED /* nothing more is read */
} http_state;

typedef struct http_field {
    string_view name, value; /* borrowed from the head */
} http_field;

/* Where in a body in chunks the next byte stands. */
typedef enum http_chunk {
    CHUNK_SIZE,      /* among the digits of its size */
    CHUNK_EXTENSION, /* behind them */
    CHUNK_LINE_END,  /* at the line feed of its size's line */
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER /* behind the last one: fields, which are read and forgotten */
} http_chunk;

typedef struct http_reader {
    size_t body_limit;
    http_state state;
    byte_buffer head, body, trailers; /* what came so far */
    string_view method, target;       /* borrowed from the head, as the fields are */
    int minor;                        /* of the version: 0 or 1 */
    http_field fields[HTTP_FIELDS];
    int field_count;
    bool chunked, has_length;
    bool waits;      /* the client sends the body when it has seen 100 Continue */
    bool keep_alive; /* it may send another request after this one */
    uint64_t left;   /* bytes of the body, or of the chunk, that are still to come */
    http_chunk chunk;
    int digits;           /* of the chunk's size so far */
    int status;           /* refused: of the answer, */
    const char *sentence; /* and what was wrong; static */
} http_reader;

http_reader http_reader_new(size_t body_limit);
void http_reader_free(http_reader *r);

/* Takes bytes until the state changes to one that its caller has to see; returns how many. */
size_t http_reader_take(http_reader *r, const char *data, size_t size);

/* After HTTP_READY: the body is read; without one the request is whole. */
void http_reader_accept(http_reader *r);
/* After HTTP_WHOLE, or HTTP_READY without a body: forgets the request. */
void http_reader_next(http_reader *r);

static inline bool http_reader_begun(const http_reader *r) { return r->head.size > 0; }
static inline bool http_reader_has_body(const http_reader *r) { return r->chunked || r->left > 0; }

/* The value of a field, by its name in small letters; data NULL: there is none. */
string_view http_reader_field(const http_reader *r, const char *name);

/* Whether a comma separated list holds this word, whatever its letters' case. */
bool http_list_has(string_view list, const char *word);
/* Whether the text is this word in small letters, whatever its letters' case. */
bool http_same_word(string_view text, const char *word);

#endif
