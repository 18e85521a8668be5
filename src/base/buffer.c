/* buffer.c - growth by doubling. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
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

/* ---- bytes ---- */

static cadre_status make_room(byte_buffer *b, size_t more)
{
    if (b->limit && more > b->limit - b->size)
        return cadre_fail(
            CADRE_EUNSUPPORTED, NULL, "the text becomes longer than %zu bytes", b->limit);
    if (b->capacity - b->size > more) return CADRE_OK;
    return buffer_grow(
        (void **)&b->data, b->size, &b->capacity, more < SIZE_MAX ? more + 1 : more, 1);
}

cadre_status byte_buffer_reserve(byte_buffer *b, size_t more)
{
    cadre_status status = make_room(b, more);
    if (b->status == CADRE_OK) b->status = status;
    return status;
}

cadre_status byte_buffer_put(byte_buffer *b, const void *data, size_t size)
{
    CADRE_TRY(byte_buffer_reserve(b, size));
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = 0;
    return CADRE_OK;
}

cadre_status byte_buffer_fill(byte_buffer *b, char byte, size_t count)
{
    CADRE_TRY(byte_buffer_reserve(b, count));
    memset(b->data + b->size, byte, count);
    b->size += count;
    b->data[b->size] = 0;
    return CADRE_OK;
}

void byte_buffer_text(byte_buffer *b, const char *text) { byte_buffer_put(b, text, strlen(text)); }

void byte_buffer_format(byte_buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || byte_buffer_reserve(b, (size_t)size) != CADRE_OK) return;
    va_start(args, format);
    vsnprintf(b->data + b->size, (size_t)size + 1, format, args);
    va_end(args);
    b->size += (size_t)size;
}

bool byte_buffer_same(const byte_buffer *a, const byte_buffer *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

void byte_buffer_free(byte_buffer *b)
{
    mem_free(b->data);
    *b = (byte_buffer){ 0 };
}

/* ---- tokens ---- */

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
