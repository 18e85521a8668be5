/* safetensors_header.h - checks one file's header and locates its tensors. For safetensors.c
 * alone. */
#ifndef CADRE_FORMAT_SAFETENSORS_HEADER_H
#define CADRE_FORMAT_SAFETENSORS_HEADER_H

#include "base/file.h"
#include "format/safetensors.h"

#define SAFETENSORS_HEADER_LIMIT ((size_t)100000000)
#define SAFETENSORS_METADATA "__metadata__" /* the only key of a header that is no tensor */
/* The last tensor of a file, if it holds its own hashes */
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

/* The header of shard->map as text, once its length and its first and last bytes were checked. */
cadre_status safetensors_header_frame(
    const safetensors_shard *shard, const char **text, size_t *size);

/* Reads a header: the shard's strings and notes, and its tensors in the order of the header (freed
 * by mem_free), which fill the data without holes or overlaps. Two of them may have the same
 * name. */
cadre_status safetensors_header_read(safetensors_shard *shard, const char *text, size_t size,
    safetensors_tensor **tensors, size_t *count);

/* Bytes after a header whose frame was checked */
size_t safetensors_data_size(const safetensors_shard *shard);

#endif
