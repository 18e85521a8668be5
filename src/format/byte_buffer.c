/* byte_buffer.c - putting at the end, and a failure that stays. */
#include "format/byte_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* Makes room for `size` more bytes and a NUL. */
static bool reserve(byte_buffer *b, size_t size)
{
    if (b->status == CADRE_OK)
        b->status =
            buffer_grow((void **)&b->data, b->size, &b->room, size < SIZE_MAX ? size + 1 : size, 1);
    return b->status == CADRE_OK;
}

void byte_buffer_put(byte_buffer *b, const void *data, size_t size)
{
    if (!reserve(b, size)) return;
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = 0;
}

void byte_buffer_text(byte_buffer *b, const char *text) { byte_buffer_put(b, text, strlen(text)); }

void byte_buffer_format(byte_buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || !reserve(b, (size_t)size)) return;
    va_start(args, format);
    vsnprintf(b->data + b->size, (size_t)size + 1, format, args);
    va_end(args);
    b->size += (size_t)size;
}

void byte_buffer_fill(byte_buffer *b, char byte, size_t count)
{
    if (!reserve(b, count)) return;
    memset(b->data + b->size, byte, count);
    b->size += count;
    b->data[b->size] = 0;
}

void byte_buffer_free(byte_buffer *b)
{
    mem_free(b->data);
    *b = (byte_buffer){ 0 };
}
