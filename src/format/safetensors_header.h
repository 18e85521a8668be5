/* safetensors_header.h - one file's header: its rules checked, its tensors located. For
 * safetensors.c alone. */
#ifndef CADRE_FORMAT_SAFETENSORS_HEADER_H
#define CADRE_FORMAT_SAFETENSORS_HEADER_H

#include "base/file.h"
#include "format/safetensors.h"

#define SAFETENSORS_HEADER_LIMIT ((size_t)100000000)
#define SAFETENSORS_METADATA "__metadata__" /* the header's key that is not a tensor */
/* The last tensor of a file that holds its own hashes */
#define SAFETENSORS_HASHES "hashes"

typedef struct safetensors_note {
    const char *key, *value;
    size_t size; /* of value */
} safetensors_note;

typedef struct safetensors_shard {
    char *path;
    file_map map;
    bool borrowed;           /* the map's bytes are the caller's */
    char *strings;           /* names and metadata, each with its NUL */
    safetensors_note *notes; /* [note_count]: the metadata */
    size_t note_count;
} safetensors_shard;

/* The header of shard->map as text, after the rules on its length and its first and last bytes. */
cadre_status safetensors_header_frame(
    const safetensors_shard *shard, const char **text, size_t *size);

/* Reads a header: the shard's strings and notes, and its tensors (mem_free; in the order of the
 * header), which lie without a hole or an overlap from the first byte of data to the last. Two of
 * them may have one name. */
cadre_status safetensors_header_read(safetensors_shard *shard, const char *text, size_t size,
    safetensors_tensor **tensors, size_t *count);

/* Bytes after a header whose frame was checked */
size_t safetensors_data_size(const safetensors_shard *shard);

#endif
