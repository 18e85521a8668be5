/* table.h - the two hash tables of this room: from numbers to numbers, and from strings to their
 * place in a list.
 *
 * They use open addressing with linear probing and are at most five eighths full. Nothing is ever
 * removed. The order of slots is not visible outside, so whatever is built from them is
 * deterministic. */
#ifndef CADRE_TEXT_TABLE_H
#define CADRE_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* ---- numbers to numbers; the key UINT64_MAX is not to be used ---- */

typedef struct number_map_slot {
    uint64_t key_plus_one, value;
} number_map_slot;

typedef struct number_map { /* zeroed: empty */
    number_map_slot *slots;
    size_t count, capacity; /* a power of two */
} number_map;

/* Makes room for this many keys in all. */
cadre_status number_map_reserve(number_map *m, size_t count);
/* Returns NULL if the key is missing. The result is valid until the next set. */
uint64_t *number_map_find(const number_map *m, uint64_t key);
/* Sets the value of a key, new or old. */
cadre_status number_map_set(number_map *m, uint64_t key, uint64_t value);
void number_map_free(number_map *m);

/* ---- strings to their place in a list ---- */

typedef struct string_set { /* zeroed: empty */
    char *bytes;            /* all strings, one after the other */
    uint32_t *ends;         /* [count] of each in `bytes` */
    uint64_t *slots;        /* upper half of the hash, place + 1 */
    size_t used, room, count, list_capacity, capacity;
} string_set;

/* Makes room for this many in all, which spares growth. */
cadre_status string_set_reserve(string_set *s, size_t count, size_t bytes);
cadre_status string_set_add(
    string_set *s, const char *data, size_t size, uint32_t *place, bool *was_there);
bool string_set_find(const string_set *s, const char *data, size_t size, uint32_t *place);
/* The result is valid until the next add. */
static inline string_view string_set_at(const string_set *s, uint32_t place)
{
    uint32_t begin = place ? s->ends[place - 1] : 0;
    return (string_view){ s->bytes + begin, s->ends[place] - begin };
}
void string_set_free(string_set *s);

#endif
