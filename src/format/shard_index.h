/* shard_index.h - model.safetensors.index.json: which file holds which tensor. For safetensors.c
 * alone. */
#ifndef CADRE_FORMAT_SHARD_INDEX_H
#define CADRE_FORMAT_SHARD_INDEX_H

#include "base/buffer.h"
#include "format/name_index.h"
#include "format/safetensors_header.h"

typedef struct shard_entry {
    const char *name, *file;
    bool found; /* by shard_index_keep */
} shard_entry;

typedef struct shard_index {
    shard_entry *entries; /* [count], in the order of the map */
    size_t count;
    /* [file_count] in order, all different; each is the plain name of a file in the same folder */
    const char **files;
    size_t file_count;
    name_index by_name;
    char *strings; /* what all of these point into */
} shard_index;

/* `index` must be zero before; the caller frees it in any case. */
cadre_status shard_index_read(const char *path, shard_index *index);
void shard_index_free(shard_index *index);

/* Keeps those of this shard's tensors that the index places here. Copies that it does not point to
 * are ignored. Refuses a tensor that the index does not know. */
cadre_status shard_index_keep(
    shard_index *index, const safetensors_shard *shard, safetensors_tensor *tensors, size_t *count);

/* Refuses an entry whose file does not have the tensor. Called after all shards. */
cadre_status shard_index_check(const shard_index *index, const char *path);

#endif
