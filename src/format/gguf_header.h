/* gguf_header.h - walks and checks the header of one GGUF file, and holds those of a set. For
 * gguf.c and its neighbours alone. */
#ifndef CADRE_FORMAT_GGUF_HEADER_H
#define CADRE_FORMAT_GGUF_HEADER_H

#include "base/file.h"
#include "format/gguf.h"

typedef struct gguf_part {
    char *path;
    file_map map;
    bool borrowed; /* the map's bytes are the caller's */
    uint32_t version;
    size_t key_count, tensor_count;
    size_t align;
    const uint8_t *data; /* where tensors begin */
    /* [key_count] where each key's entry begins, in the file's order; see gguf_entry_X */
    const uint8_t **keys;
    uint32_t *keys_by_name;  /* [key_count] */
    bool *key_read;          /* [key_count] its value was asked for */
    const uint8_t **tensors; /* [tensor_count] where each tensor's entry begins */
} gguf_part;

cadre_status gguf_part_read(gguf_part *part); /* from its map; part->path must be set */
void gguf_part_close(gguf_part *part);

struct gguf {
    gguf_part *parts; /* [part_count]; metadata is that of the first */
    size_t part_count;
    size_t *first;             /* [part_count + 1]: part i holds tensors first[i] .. first[i + 1] */
    const uint8_t **tensors;   /* [first[part_count]]: entries of all parts */
    uint32_t *tensors_by_name; /* their indices, sorted by name */
};

/* An entry is a string, which is its key or name, followed by a type and a value, or by a tensor's
 * rank, dimensions, type and offset. */
gguf_string gguf_entry_name(const uint8_t *entry);
gguf_type gguf_entry_type(const uint8_t *entry);
const uint8_t *gguf_entry_value(const uint8_t *entry);
/* Leaves the data pointer NULL. */
gguf_tensor gguf_entry_tensor(const uint8_t *entry, size_t *offset);

/* The indices 0..count, sorted by the name of their entry; NULL: out of memory. */
uint32_t *gguf_sort(const uint8_t *const *entries, size_t count);
/* An entry whose name another entry has too; NULL: all differ. */
const uint8_t *gguf_twice(const uint8_t *const *entries, const uint32_t *sorted, size_t count);
/* The entry with this name, or NULL; *index says which one it is. */
const uint8_t *gguf_search(const uint8_t *const *entries, const uint32_t *sorted, size_t count,
    const char *name, size_t *index);

/* The bytes of a key's value as they lie in the file; false: absent. */
bool gguf_metadata_value(const gguf *file, const char *key, gguf_string *value);
size_t gguf_type_size(gguf_type type); /* bytes of a value; 0: a string or an array */

static inline uint16_t gguf_u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t gguf_u32(const uint8_t *p)
{
    return gguf_u16(p) | (uint32_t)gguf_u16(p + 2) << 16;
}
static inline uint64_t gguf_u64(const uint8_t *p)
{
    return gguf_u32(p) | (uint64_t)gguf_u32(p + 4) << 32;
}

#endif
