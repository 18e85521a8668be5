/* safetensors_header.h - one file's header: its rules checked, its tensors located. For safetensors.c alone. */
#ifndef CADRE_FORMAT_SAFETENSORS_HEADER_H
#define CADRE_FORMAT_SAFETENSORS_HEADER_H

#include "base/file.h"
#include "format/json.h"
#include "format/safetensors.h"

#define SAFETENSORS_HEADER_LIMIT ((size_t)100000000)
#define SAFETENSORS_METADATA "__metadata__" /* the header's key that is not a tensor */
#define SAFETENSORS_HASHES "hashes"         /* the last tensor of a file that holds its own hashes */

typedef struct safetensors_note {
    const char *key, *value;
    size_t size; /* of value */
} safetensors_note;

typedef struct safetensors_shard {
    char *path;
    file_map map;
    bool borrowed;  /* the map's bytes are the caller's */
    char *strings;  /* names and metadata, each with its NUL */
    safetensors_note *notes; /* [note_count]: the metadata */
    size_t note_count;
} safetensors_shard;

/* The header of shard->map as JSON, after the rules on its length and its first and last bytes. */
cadre_status safetensors_header_parse(const safetensors_shard *shard, json_document **header);
size_t safetensors_header_count(const json_node *header); /* tensors */

/* Fills tensors [count] and the shard's strings from a parsed header; checks everything else. */
cadre_status safetensors_header_read(safetensors_shard *shard, const json_node *header, safetensors_tensor *tensors);

size_t safetensors_data_size(const safetensors_shard *shard); /* bytes after a header whose frame was checked */

#endif
