/* table.h - the two hash tables of this room: numbers to numbers, and strings to their place in a
 * list.
 *
 * Open addressing with linear probing, at most five eighths full. Nothing is ever removed. Neither
 * table's order of slots is visible outside, so whatever is built from them is deterministic. */
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

cadre_status number_map_reserve(number_map *m, size_t count); /* room for so many keys altogether */
/* NULL: not there. Valid until the next set */
uint64_t *number_map_find(const number_map *m, uint64_t key);
/* Replaces the value of a key that is there */
cadre_status number_map_set(number_map *m, uint64_t key, uint64_t value);
void number_map_free(number_map *m);

/* ---- strings to their place in a list ---- */

typedef struct string_set { /* zeroed: empty */
    char *bytes;            /* all strings, one after the other */
    uint32_t *ends;         /* [count] of each in `bytes` */
    uint64_t *slots;        /* upper half of the hash, place + 1 */
    size_t used, room, count, list_capacity, capacity;
} string_set;

/* altogether; spares growth */
cadre_status string_set_reserve(string_set *s, size_t count, size_t bytes);
cadre_status string_set_add(
    string_set *s, const char *data, size_t size, uint32_t *place, bool *was_there);
bool string_set_find(const string_set *s, const char *data, size_t size, uint32_t *place);
/* Valid until the next add */
static inline string_view string_set_at(const string_set *s, uint32_t place)
{
    uint32_t begin = place ? s->ends[place - 1] : 0;
    return (string_view){ s->bytes + begin, s->ends[place] - begin };
}
void string_set_free(string_set *s);

#endif
