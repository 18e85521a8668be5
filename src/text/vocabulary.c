/* vocabulary.c - maps pieces to ids, and ids to pieces. */
#include "text/vocabulary.h"

#include <string.h>

#include "base/memory.h"

cadre_status vocabulary_reserve(vocabulary *v, size_t count)
{
    enum { SPELLING = 8 }; /* bytes of a piece, on average */
    CADRE_TRY(
        string_set_reserve(&v->pieces, v->pieces.count + count, v->pieces.used + count * SPELLING));
    CADRE_TRY(
        buffer_grow((void **)&v->ids, v->pieces.count, &v->id_capacity, count, sizeof *v->ids));
    return buffer_grow(
        (void **)&v->places, (size_t)v->size, &v->place_capacity, count, sizeof *v->places);
}

cadre_status vocabulary_add(vocabulary *v, const char *piece, size_t size, int32_t id, bool *vacant)
{
    uint32_t place;
    bool was_there;
    *vacant = !vocabulary_has(v, id);
    if (!*vacant) return CADRE_OK;
    CADRE_TRY(string_set_add(&v->pieces, piece, size, &place, &was_there));
    CADRE_TRY(
        buffer_grow((void **)&v->ids, v->pieces.count - 1, &v->id_capacity, 1, sizeof *v->ids));
    v->ids[place] = id;
    if (id >= v->size) { /* mem_resize adds zeros, which mean "no such id" */
        CADRE_TRY(buffer_grow((void **)&v->places, (size_t)v->size, &v->place_capacity,
            (size_t)(id + 1 - v->size), sizeof *v->places));
        v->size = id + 1;
    }
    v->places[id] = place + 1;
    if (size > v->longest) v->longest = size;
    return CADRE_OK;
}

int32_t vocabulary_id(const vocabulary *v, const char *piece, size_t size)
{
    uint32_t place;
    return string_set_find(&v->pieces, piece, size, &place) ? v->ids[place] : -1;
}

string_view vocabulary_piece(const vocabulary *v, int32_t id)
{
    return vocabulary_has(v, id) ? string_set_at(&v->pieces, v->places[id] - 1)
                                 : (string_view){ "", 0 };
}

void vocabulary_free(vocabulary *v)
{
    string_set_free(&v->pieces);
    mem_free(v->ids);
    mem_free(v->places);
    *v = (vocabulary){ 0 };
}

void vocabulary_byte_ids(const vocabulary *v, int32_t ids[256])
{
    static const char digits[] = "0123456789ABCDEF";
    for (int byte = 0; byte < 256; byte++)
        ids[byte] = vocabulary_id(
            v, (char[]){ '<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>' }, 6);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789ABCDEFabcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    if (!at) return -1;
    return (int)(at - digits) < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

int vocabulary_byte_of(string_view piece)
{
    if (piece.size != 6 || memcmp(piece.data, "<0x", 3) != 0 || piece.data[5] != '>') return -1;
    int high = hex_digit(piece.data[3]), low = hex_digit(piece.data[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}
