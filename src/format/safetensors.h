/* safetensors.h - the tensor files of Hugging Face folders: opened as a map, one file or many
 * shards; written as a stream.
 *
 * A file is 8 bytes of header length (little-endian), a JSON header, and the tensors' bytes without
 * a gap. Nothing in the header is believed: every rule of the format is checked before a tensor is
 * shown, so a tensor's data always lies in its file. What the bytes mean is for number formats to
 * say. */
#ifndef CADRE_FORMAT_SAFETENSORS_H
#define CADRE_FORMAT_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "format/hash.h"

enum { SAFETENSORS_RANK = 8 }; /* dimensions at most */

typedef struct safetensors_tensor {
    const char *name;
    const char *dtype; /* "F32", "BF16", "F8_E4M3" ...: static */
    int rank;
    int64_t shape[SAFETENSORS_RANK];
    int64_t elements;
    const uint8_t *data; /* in the mapped file, at any alignment; never NULL */
    size_t size;         /* bytes */
} safetensors_tensor;

/* ---- reading ---- */

typedef struct safetensors safetensors;

/* `path`: a .safetensors file, a .safetensors.index.json, or a folder with model.safetensors or its
 * index. Tensors, names and metadata are borrowed from the file. */
cadre_status safetensors_open(const char *path, safetensors **file);
/* The same of one file's bytes, which stay the caller's and must outlive it; `name` stands for the
 * path in errors. */
cadre_status safetensors_parse(const char *name, const void *data, size_t size, safetensors **file);
void safetensors_close(safetensors *file);
const char *safetensors_path(const safetensors *file);
/* The shard that a byte of a tensor lies in, and where there; its path by number. */
size_t safetensors_shard_of(const safetensors *file, const uint8_t *at, int64_t *offset);
const char *safetensors_shard_path(const safetensors *file, size_t shard);

size_t safetensors_count(const safetensors *file);
/* In the order of header and shards */
const safetensors_tensor *safetensors_at(const safetensors *file, size_t index);
/* NULL: not there */
const safetensors_tensor *safetensors_find(const safetensors *file, const char *name);
/* With its type and shape as expected; a negative dimension may be anything. */
cadre_status safetensors_get_as(const safetensors *file, const char *name, const char *dtype,
    int rank, const int64_t *shape, const safetensors_tensor **tensor);
const char *safetensors_metadata(const safetensors *file, const char *key); /* NULL: not there */
/* Which may hold NULs */
const char *safetensors_metadata_text(const safetensors *file, const char *key, size_t *size);
int safetensors_dtype_bits(const char *dtype); /* 0: unknown */

/* Compares every tensor with the hashes that the writer put in (see below). Refuses a file that has
 * none. */
cadre_status safetensors_verify(const safetensors *file);

/* ---- writing ---- */

/* Metadata and tensors are declared first, then their bytes come in the order of declaration, in
 * pieces of any size. The file appears under its name at commit, whole and synced. After a failure
 * the later calls return the same failure.
 *
 * Two files that belong together (a model and its training state) use seal: all of the file is then
 * on the disk, under a temporary name, and its hash is known; commit is left with the renaming. */
typedef struct safetensors_writer safetensors_writer;

/* `hashes`: the file gets a last tensor "hashes", U8 [tensors + 1, 16]: XXH3-128 of the header and
 * of each tensor in order. */
cadre_status safetensors_writer_open(const char *path, bool hashes, safetensors_writer **writer);
cadre_status safetensors_writer_metadata(safetensors_writer *w, const char *key, const char *value);
cadre_status safetensors_writer_declare(
    safetensors_writer *w, const char *name, const char *dtype, int rank, const int64_t *shape);
cadre_status safetensors_writer_put(safetensors_writer *w, const void *data, size_t size);
/* Refused while a tensor lacks bytes */
cadre_status safetensors_writer_seal(safetensors_writer *w, hash128 *file_hash);
/* Seals if need be; frees w, whatever happens */
cadre_status safetensors_writer_commit(safetensors_writer *w);
/* Frees w, leaves no file; NULL is fine */
void safetensors_writer_discard(safetensors_writer *w);

#endif
