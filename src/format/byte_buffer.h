/* byte_buffer.h - bytes that grow at the end: how headers and JSON are put together before they are
 * written.
 *
 * A failed allocation stays, makes the later calls do nothing, and is told by `status`. An all-zero
 * buffer is an empty one. */
#ifndef CADRE_FORMAT_BYTE_BUFFER_H
#define CADRE_FORMAT_BYTE_BUFFER_H

#include <stddef.h>

#include "base/status.h"

typedef struct byte_buffer {
    char *data; /* a NUL follows its last byte; NULL while empty */
    size_t size, room;
    cadre_status status;
} byte_buffer;

void byte_buffer_put(byte_buffer *b, const void *data, size_t size);
void byte_buffer_text(byte_buffer *b, const char *text);
void byte_buffer_format(byte_buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void byte_buffer_fill(byte_buffer *b, char byte, size_t count);
void byte_buffer_free(byte_buffer *b); /* and make it empty */

#endif
