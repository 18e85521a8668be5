/* vocabulary.h - pieces and their ids, in both directions.
 *
 * Ids may have gaps. Two ids may share a spelling, as in some published files; the spelling then
 * means the later id. */
#ifndef CADRE_TEXT_VOCABULARY_H
#define CADRE_TEXT_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

#include "text/table.h"

typedef struct vocabulary { /* zeroed: empty */
    string_set pieces;      /* every spelling once; a place here is not an id */
    int32_t *ids;           /* [pieces.count] place -> id */
    uint32_t *places;       /* [size] id -> place + 1; 0: no such id */
    int32_t size;           /* one more than the highest id */
    size_t id_capacity, place_capacity;
    size_t longest; /* piece, in bytes */
} vocabulary;

/* Makes room for about this many more pieces, so that a large vocabulary is not copied again and
 * again while it grows. */
cadre_status vocabulary_reserve(vocabulary *v, size_t count);

/* Takes an id >= 0, which the caller has bounded. If the id has another piece, does nothing and
 * sets *vacant to false. */
cadre_status vocabulary_add(
    vocabulary *v, const char *piece, size_t size, int32_t id, bool *vacant);
int32_t vocabulary_id(const vocabulary *v, const char *piece, size_t size); /* -1: no such piece */
string_view vocabulary_piece(const vocabulary *v, int32_t id);              /* size 0: no such id */
static inline bool vocabulary_has(const vocabulary *v, int32_t id)
{
    return id >= 0 && id < v->size && v->places[id];
}
void vocabulary_free(vocabulary *v);

/* The ids of <0x00> .. <0xFF>, the pieces that stand for one byte; -1: there is no such piece. */
void vocabulary_byte_ids(const vocabulary *v, int32_t ids[256]);

/* The byte that a piece of this form stands for; -1: it has another form. */
int vocabulary_byte_of(string_view piece);

#endif
