/* safetensors.h - the tensor files of Hugging Face folders: one file or many shards are opened as
 * maps, and written as a stream.
 *
 * A file is 8 bytes of header length (little-endian), a JSON header, and the tensors' bytes without
 * gaps. Nothing in the header is trusted: every rule of the format is checked before a tensor is
 * shown, so a tensor's data always lies in its file. The number formats know what the bytes
 * mean. */
#ifndef CADRE_FORMAT_SAFETENSORS_H
#define CADRE_FORMAT_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/comm.h"
#include "base/status.h"
#include "format/hash.h"

enum { SAFETENSORS_RANK = 8 }; /* most dimensions */

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
/* Does the same with one file's bytes, which stay the caller's and must outlive it. `name` replaces
 * the path in errors. */
cadre_status safetensors_parse(const char *name, const void *data, size_t size, safetensors **file);
void safetensors_close(safetensors *file);
const char *safetensors_path(const safetensors *file);
/* The shard that a byte of a tensor lies in, by number, and the offset there */
size_t safetensors_shard_of(const safetensors *file, const uint8_t *at, int64_t *offset);
const char *safetensors_shard_path(const safetensors *file, size_t shard);

size_t safetensors_count(const safetensors *file);
/* In the order of header and shards */
const safetensors_tensor *safetensors_at(const safetensors *file, size_t index);
/* NULL: there is no such tensor */
const safetensors_tensor *safetensors_find(const safetensors *file, const char *name);
/* Refuses a tensor with another type or shape; a negative dimension matches any. */
cadre_status safetensors_get_as(const safetensors *file, const char *name, const char *dtype,
    int rank, const int64_t *shape, const safetensors_tensor **tensor);
const char *safetensors_metadata(const safetensors *file, const char *key); /* NULL: not there */
/* The value may contain NULs; *size is its length. */
const char *safetensors_metadata_text(const safetensors *file, const char *key, size_t *size);
int safetensors_dtype_bits(const char *dtype); /* 0: unknown */

/* Compares every tensor with the hashes that the writer stored (see below). Refuses a file without
 * hashes. */
cadre_status safetensors_verify(const safetensors *file);

/* ---- writing ---- */

/* Metadata and tensors are declared first. Then their bytes are written in the order of
 * declaration, in pieces of any size. At commit the file appears under its name, complete and
 * synced. After a failure, later calls return the same failure.
 *
 * Two files that belong together (a model and its training state) use finish: the file is then
 * complete on the disk under a temporary name, and its hash is known. Commit only renames it. */
typedef struct safetensors_writer safetensors_writer;

/* With `hashes`, the file gets a last tensor "hashes", U8 [tensors + 1, 16]: XXH3-128 of the header
 * and of each tensor, in order. */
cadre_status safetensors_writer_open(const char *path, bool hashes, safetensors_writer **writer);
/* Opens a file that ranks write together: all open and declare the same, but metadata are those of
 * rank 0. Then each passes over the bytes of all tensors in their order, puts those that are its
 * own, and skips those that others put. finish waits until all have written theirs, and gives rank
 * 0 the hash of the file; commit does something on rank 0 alone. *blind: the lowest rank that does
 * not see the file which rank 0 has made; -1: all see it. If one is blind, rank 0 has a writer for
 * all of the file, and the others get NULL. */
cadre_status safetensors_writer_open_among(
    const char *path, bool hashes, comm *ranks, safetensors_writer **writer, int *blind);
cadre_status safetensors_writer_metadata(safetensors_writer *w, const char *key, const char *value);
cadre_status safetensors_writer_declare(
    safetensors_writer *w, const char *name, const char *dtype, int rank, const int64_t *shape);
cadre_status safetensors_writer_put(safetensors_writer *w, const void *data, size_t size);
cadre_status safetensors_writer_skip(safetensors_writer *w, size_t size);
/* Bytes that this process has written to the file */
size_t safetensors_writer_written(const safetensors_writer *w);
/* Refuses while a tensor lacks bytes. */
cadre_status safetensors_writer_finish(safetensors_writer *w, hash128 *file_hash);
/* Finishes the file if that was not done; frees w in any case. */
cadre_status safetensors_writer_commit(safetensors_writer *w);
/* Frees w and leaves no file. NULL is fine. */
void safetensors_writer_discard(safetensors_writer *w);

#endif
