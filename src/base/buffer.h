/* buffer.h - lists that grow: of bytes and of token ids, and the growth that every such list uses.
 * A zeroed struct is an empty list. */
#ifndef CADRE_BASE_BUFFER_H
#define CADRE_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cadre/status.h"
#include "base/status.h"

typedef struct string_view {
    const char *data; /* borrowed */
    size_t size;
} string_view;

typedef struct text_range { /* a part of a text */
    size_t begin, end;
} text_range;

static inline bool string_view_is(string_view v, const char *text)
{
    return v.size == strlen(text) && (v.size == 0 || memcmp(v.data, text, v.size) == 0);
}

/* Bytes that grow at the end. A failure is returned, and the first one stays in `status`, so that a
 * caller who writes a text in many steps needs to ask only once, at the end. */
typedef struct byte_buffer {
    char *data; /* [size], then a NUL; NULL while nothing was put */
    size_t size, capacity;
    size_t limit; /* a size beyond it is refused; 0: there is no limit */
    cadre_status status;
} byte_buffer;

/* Makes room for `more` bytes after size, and for a NUL. */
cadre_status byte_buffer_reserve(byte_buffer *b, size_t more);
cadre_status byte_buffer_put(byte_buffer *b, const void *data, size_t size);
cadre_status byte_buffer_fill(byte_buffer *b, char byte, size_t count);
void byte_buffer_text(byte_buffer *b, const char *text);
void byte_buffer_format(byte_buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool byte_buffer_same(const byte_buffer *a, const byte_buffer *b);
void byte_buffer_free(byte_buffer *b); /* leaves an empty buffer */

typedef struct token_list {
    int32_t *ids; /* [count], with room for `capacity` */
    size_t count, capacity;
} token_list;

cadre_status token_list_reserve(token_list *l, size_t more);
cadre_status token_list_put(token_list *l, int32_t id);
void token_list_free(token_list *l);

/* Makes room for `used` + `more` items of `item` bytes each in a block that holds *capacity of
 * them. The block grows by doubling. */
cadre_status buffer_grow(void **block, size_t used, size_t *capacity, size_t more, size_t item);

#endif
