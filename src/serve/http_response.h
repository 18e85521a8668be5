/* http_response.h - writes the heads of HTTP responses, and chunks of their bodies. */
#ifndef CADRE_SERVE_HTTP_RESPONSE_H
#define CADRE_SERVE_HTTP_RESPONSE_H

#include <stdbool.h>

#include "base/buffer.h"

typedef struct http_response {
    int status;
    const char *type;   /* of the body; NULL: there is no body */
    const char *allow;  /* Allow: the methods of a path; NULL: no such field */
    const char *policy; /* Content-Security-Policy; NULL: no such field */
    int retry_after;    /* seconds; 0: no such field */
    bool stream;        /* the body is sent in pieces, ... */
    bool chunked;       /* ... as chunks; otherwise it lasts until the connection is closed */
    bool close;         /* the connection is closed afterwards */
    const char *cors;   /* Access-Control-Allow-Origin; NULL: no such field */
    bool varies;        /* the response varies with the origin */
    bool preflight;     /* it also lists what that origin may request */
} http_response;

/* Writes a head. size: bytes of the body, unless it is a stream. */
void http_response_head(const http_response *a, size_t size, byte_buffer *out);

void http_response_chunk(const http_response *a, const char *data, size_t size, byte_buffer *out);
/* writes the last chunk of a stream */
void http_response_end(const http_response *a, byte_buffer *out);

#endif
