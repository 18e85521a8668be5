/* gguf_sample.h - a small GGUF file put together byte by byte, with the place of each field, so
 * that a test can spoil one. */
#ifndef CADRE_TESTS_GGUF_SAMPLE_H
#define CADRE_TESTS_GGUF_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

enum { GGUF_SAMPLE_ROOM = 4096, GGUF_SAMPLE_FIELDS = 128 };

typedef struct gguf_field {
    char name[40];
    size_t at;
} gguf_field;

typedef struct gguf_sample {
    uint8_t data[GGUF_SAMPLE_ROOM];
    size_t size;
    gguf_field fields[GGUF_SAMPLE_FIELDS];
    int field_count;
} gguf_sample;

/* Keys of every type and tensors of three; alignment 32. Fields are "magic", "version", "tensors",
 * "keys", "header end", "data"; of key K "K.length", "K.name", "K.type", "K.value", of an array
 * "K.items" and "K.count" too; of tensor T "T.length", "T.name", "T.rank", "T.ne0" ..., "T.type",
 * "T.offset". */
void gguf_sample_make(gguf_sample *s, uint32_t version);
/* The test fails when there is none */
size_t gguf_sample_place(const gguf_sample *s, const char *field);
void gguf_sample_set(gguf_sample *s, const char *field, int bytes, uint64_t value);

#endif
