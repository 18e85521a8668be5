/* http_reader.h - parses HTTP/1.1 requests from untrusted bytes: a state machine without input or
 * output of its own.
 *
 * It accepts what RFC 9112 allows and nothing else. Requests that other servers read in different
 * ways are refused (two lengths, a length with chunks, blanks before a colon, folded fields, bare
 * line feeds, two hosts), and after a refusal the connection ends. Everything that a client can
 * make large has a bound: the head, its fields, the body, chunk extensions and trailers.
 *
 *     while (there is input) {
 *         used = http_reader_take(r, data, size);
 *         HTTP_READY:     the head is complete; call http_reader_accept(r) to read the body
 *         HTTP_COMPLETE:  the request is complete; http_reader_next(r) prepares for the next one
 *         HTTP_REFUSED:   respond with r->status and r->sentence, and close the connection
 *     } */
#ifndef CADRE_SERVE_HTTP_READER_H
#define CADRE_SERVE_HTTP_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum { HTTP_HEAD_MOST = 1 << 16, HTTP_TARGET_MOST = 1 << 13, HTTP_FIELDS = 100 };

typedef enum http_state {
    HTTP_HEAD,     /* the head is being read */
    HTTP_READY,    /* the head is complete; the body has not been accepted yet */
    HTTP_BODY,     /* the body is being read */
    HTTP_COMPLETE, /* the request is complete */
    HTTP_REFUSED   /* the request is refused; nothing more is read */
} http_state;

typedef struct http_field {
    string_view name, value; /* borrowed from the head */
} http_field;

/* What the next byte of a chunked body belongs to. */
typedef enum http_chunk {
    CHUNK_SIZE,      /* the digits of a chunk's size */
    CHUNK_EXTENSION, /* an extension after the size */
    CHUNK_LINE_END,  /* the line feed after the size */
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER /* header fields after the last chunk, which are read and ignored */
} http_chunk;

typedef struct http_reader {
    size_t body_limit;
    http_state state;
    byte_buffer head, body, trailers; /* received so far */
    string_view method, target;       /* borrowed from the head, as the fields are */
    int minor;                        /* minor version of HTTP/1.x: 0 or 1 */
    http_field fields[HTTP_FIELDS];
    int field_count;
    bool chunked, has_length;
    bool expects_continue; /* the client waits for 100 Continue before it sends the body */
    bool keep_alive;       /* the client may send another request after this one */
    uint64_t left;         /* remaining bytes of the body or of the chunk */
    http_chunk chunk;
    int digits;           /* digits of the chunk's size so far */
    int status;           /* if refused: the status of the response, and */
    const char *sentence; /* the error message; static */
} http_reader;

http_reader http_reader_new(size_t body_limit);
void http_reader_free(http_reader *r);

/* Reads bytes until the state changes to one that its caller has to handle; returns how many. */
size_t http_reader_take(http_reader *r, const char *data, size_t size);

/* Called in the state HTTP_READY to read the body; a request without a body is then complete. */
void http_reader_accept(http_reader *r);
/* Called in the state HTTP_COMPLETE, or in HTTP_READY without a body: forgets the request, to read
 * the next one. */
void http_reader_next(http_reader *r);

static inline bool http_reader_begun(const http_reader *r) { return r->head.size > 0; }
static inline bool http_reader_has_body(const http_reader *r) { return r->chunked || r->left > 0; }

/* The value of a field by its lower-case name; data NULL: there is no such field. */
string_view http_reader_field(const http_reader *r, const char *name);

/* Whether a comma-separated list contains this lower-case word, ignoring case. */
bool http_list_has(string_view list, const char *word);
/* Whether the text is this lower-case word, ignoring case. */
bool http_is_word(string_view text, const char *word);

#endif
