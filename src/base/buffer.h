/* buffer.h - lists that grow: of bytes, and of token ids; how everything that grows does. A zeroed
 * struct is an empty list. */
#ifndef CADRE_BASE_BUFFER_H
#define CADRE_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
    return v.size == strlen(text) && memcmp(v.data, text, v.size) == 0;
}

typedef struct byte_list {
    char *data; /* [size], room for `capacity` */
    size_t size, capacity;
    size_t limit; /* of size: what would be longer is refused; 0: none */
} byte_list;

cadre_status byte_list_reserve(byte_list *b, size_t more); /* room for `more` bytes after size */
cadre_status byte_list_put(byte_list *b, const void *data, size_t size);
bool byte_list_same(const byte_list *a, const byte_list *b);
void byte_list_free(byte_list *b);

typedef struct token_list {
    int32_t *ids; /* [count], room for `capacity` */
    size_t count, capacity;
} token_list;

cadre_status token_list_reserve(token_list *l, size_t more);
cadre_status token_list_put(token_list *l, int32_t id);
void token_list_free(token_list *l);

/* Makes room for used + more items of `item` bytes in a block that holds *capacity of them, by
 * doubling. */
cadre_status buffer_grow(void **block, size_t used, size_t *capacity, size_t more, size_t item);

#endif
