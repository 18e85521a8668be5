/* gguf_sample.c - the bytes of a GGUF file, written by the format's description and not by the code
 * under test. */
#include "support/gguf_sample.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void mark(gguf_sample *s, const char *owner, const char *part)
{
    gguf_field *field = &s->fields[s->field_count++];
    snprintf(field->name, sizeof field->name, "%s%s", owner, part);
    field->at = s->size;
}

static void number(gguf_sample *s, int bytes, uint64_t value)
{
    for (int i = 0; i < bytes; i++) s->data[s->size++] = (uint8_t)(value >> 8 * i);
}

static void text(gguf_sample *s, const char *value)
{
    number(s, 8, strlen(value));
    memcpy(s->data + s->size, value, strlen(value));
    s->size += strlen(value);
}

static void name(gguf_sample *s, const char *value)
{
    mark(s, value, ".length");
    mark(s, value, ".name");
    s->fields[s->field_count - 1].at += 8;
    text(s, value);
}

static void key(gguf_sample *s, const char *k, uint32_t type)
{
    name(s, k);
    mark(s, k, ".type");
    number(s, 4, type);
    mark(s, k, ".value");
}

static void array(gguf_sample *s, const char *k, uint32_t type, uint64_t count)
{
    key(s, k, 9);
    mark(s, k, ".items");
    number(s, 4, type);
    mark(s, k, ".count");
    number(s, 8, count);
}

static void tensor(gguf_sample *s, const char *t, uint32_t type, uint64_t offset, int rank, ...)
{
    char part[8];
    va_list extents;
    name(s, t);
    mark(s, t, ".rank");
    number(s, 4, (uint64_t)rank);
    va_start(extents, rank);
    for (int i = 0; i < rank; i++) {
        snprintf(part, sizeof part, ".ne%d", i);
        mark(s, t, part);
        number(s, 8, (uint64_t)va_arg(extents, int));
    }
    va_end(extents);
    mark(s, t, ".type");
    number(s, 4, type);
    mark(s, t, ".offset");
    number(s, 8, offset);
}

static void keys(gguf_sample *s)
{
    key(s, "general.architecture", 8), text(s, "olmoe");
    key(s, "general.alignment", 4), number(s, 4, 32);
    key(s, "k.u8", 0), number(s, 1, 200);
    key(s, "k.i8", 1), number(s, 1, 0x80);
    key(s, "k.u16", 2), number(s, 2, 60000);
    key(s, "k.i16", 3), number(s, 2, 0x8000);
    key(s, "k.i32", 5), number(s, 4, 0xffffffff);
    key(s, "k.f32", 6), number(s, 4, 0x3fc00000); /* 1.5 */
    key(s, "k.bool", 7), number(s, 1, 1);
    key(s, "k.u64", 10), number(s, 8, UINT64_MAX);
    key(s, "k.i64", 11), number(s, 8, 1ull << 63);
    key(s, "k.f64", 12), number(s, 8, 0xc004000000000000); /* -2.5 */
    array(s, "k.strings", 8, 3), text(s, "a"), text(s, ""), text(s, "\xc3\xa9");
    array(s, "k.bools", 7, 2), number(s, 1, 0), number(s, 1, 1);
    array(s, "k.ints", 5, 3), number(s, 4, 1), number(s, 4, 0xfffffffe), number(s, 4, 3);
    array(s, "k.none", 6, 0);
}

void gguf_sample_make(gguf_sample *s, uint32_t version)
{
    memset(s, 0, sizeof *s);
    mark(s, "magic", "");
    memcpy(s->data, "GGUF", s->size = 4);
    mark(s, "version", ""), number(s, 4, version);
    mark(s, "tensors", ""), number(s, 8, 4);
    mark(s, "keys", ""), number(s, 8, 16);
    keys(s);
    tensor(s, "t.f32", 0, 0, 2, 4, 3);    /* 48 bytes, 64 with its padding */
    tensor(s, "t.q8_0", 8, 64, 2, 32, 2); /* 68, 96 */
    tensor(s, "t.f16", 1, 160, 1, 5);     /* 10, 32 */
    tensor(s, "t.scalar", 0, 192, 0);     /* 4, 32 */
    mark(s, "header end", "");
    s->size = (s->size + 31) / 32 * 32;
    mark(s, "data", "");
    for (size_t i = 0; i < 224; i++) number(s, 1, i);
}

size_t gguf_sample_place(const gguf_sample *s, const char *field)
{
    for (int i = 0; i < s->field_count; i++)
        if (!strcmp(s->fields[i].name, field)) return s->fields[i].at;
    fprintf(stderr, "the sample has no field %s\n", field);
    exit(1);
}

void gguf_sample_set(gguf_sample *s, const char *field, int bytes, uint64_t value)
{
    size_t at = gguf_sample_place(s, field);
    for (int i = 0; i < bytes; i++) s->data[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}
