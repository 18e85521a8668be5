/* http_answer.h - the head of an answer, and how its body is cut into chunks. */
#ifndef CADRE_SERVE_HTTP_ANSWER_H
#define CADRE_SERVE_HTTP_ANSWER_H

#include <stdbool.h>

#include "base/buffer.h"

typedef struct http_answer {
    int status;
    const char *type;   /* of the body; NULL: there is none */
    const char *allow;  /* of 405, and of what is asked by OPTIONS; NULL: not said */
    const char *policy; /* Content-Security-Policy; NULL: not said */
    int retry_after;    /* seconds; 0: not said */
    bool stream;        /* the body comes piece by piece, ... */
    bool chunked;       /* ... as chunks, and not up to the end of the connection */
    bool close;         /* it is the last of its connection */
    const char *cors;   /* the origin that may read it; NULL: none */
    bool varies;        /* with the origin */
    bool preflight;     /* it tells what that origin may ask */
} http_answer;

/* size: of the body that follows, unless it is a stream. */
void http_answer_head(const http_answer *a, size_t size, byte_buffer *out);

void http_answer_chunk(const http_answer *a, const char *data, size_t size, byte_buffer *out);
void http_answer_end(const http_answer *a, byte_buffer *out); /* of a stream */

#endif
