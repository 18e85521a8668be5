/* buffer.c - growth by doubling. */
#include "base/buffer.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

cadre_status buffer_grow(void **block, size_t used, size_t *capacity, size_t more, size_t item)
{
    size_t need;
    if (!checked_add(used, more, &need))
        return cadre_fail(CADRE_ENOMEM, NULL, "out of memory: a list of %zu more items", more);
    if (need <= *capacity) return CADRE_OK;
    size_t larger = *capacity < 16 ? 16 : *capacity;
    while (larger < need && checked_mul(larger, 2, &larger)) {}
    void *moved = mem_resize(*block, used, larger < need ? need : larger, item);
    if (!moved) return CADRE_ENOMEM;
    *block = moved;
    *capacity = larger < need ? need : larger;
    return CADRE_OK;
}

cadre_status byte_list_reserve(byte_list *b, size_t more)
{
    if (b->limit && more > b->limit - b->size)
        return cadre_fail(
            CADRE_EUNSUPPORTED, NULL, "the text becomes longer than %zu bytes", b->limit);
    if (b->capacity - b->size >= more) return CADRE_OK;
    return buffer_grow((void **)&b->data, b->size, &b->capacity, more, 1);
}

cadre_status byte_list_put(byte_list *b, const void *data, size_t size)
{
    CADRE_TRY(byte_list_reserve(b, size));
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
    return CADRE_OK;
}

bool byte_list_same(const byte_list *a, const byte_list *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

void byte_list_free(byte_list *b)
{
    mem_free(b->data);
    *b = (byte_list){ 0 };
}

cadre_status token_list_reserve(token_list *l, size_t more)
{
    if (l->capacity - l->count >= more) return CADRE_OK;
    return buffer_grow((void **)&l->ids, l->count, &l->capacity, more, sizeof *l->ids);
}

cadre_status token_list_put(token_list *l, int32_t id)
{
    CADRE_TRY(token_list_reserve(l, 1));
    l->ids[l->count++] = id;
    return CADRE_OK;
}

void token_list_free(token_list *l)
{
    mem_free(l->ids);
    *l = (token_list){ 0 };
}
