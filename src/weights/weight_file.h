/* weight_file.h - the tensors of a model, in either kind of file: a folder of safetensors, or a
 * GGUF. */
#ifndef CADRE_WEIGHTS_WEIGHT_FILE_H
#define CADRE_WEIGHTS_WEIGHT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/gguf.h"
#include "format/safetensors.h"
#include "kernel/number.h"

enum { STORED_RANK = 8 };

/* A tensor as it lies in the mapped file. */
typedef struct stored_tensor {
    const char *type;            /* "BF16": static */
    const number_format *format; /* NULL: not a format of plain numbers */
    int rank;
    int64_t shape[STORED_RANK]; /* slowest dimension first */
    const uint8_t *data;
    size_t size;
} stored_tensor;

typedef struct weight_file {
    safetensors *folder; /* one of the two */
    gguf *gguf;
} weight_file;

/* Opens a folder of safetensors, or a GGUF file of any name. */
cadre_status weight_file_open(const char *path, weight_file *f);
void weight_file_close(weight_file *f);
const char *weight_file_path(const weight_file *f);

/* Some bytes of one of the model's files; .bytes 0: none */
typedef struct file_range {
    size_t file; /* its number: see weight_file_path_of */
    int64_t offset, bytes;
} file_range;

/* The range of a tensor's bytes that begin at `at` in the map */
file_range weight_file_range(const weight_file *f, const uint8_t *at, int64_t bytes);
const char *weight_file_path_of(const weight_file *f, size_t file);

int64_t weight_file_bytes(const weight_file *f); /* of all its tensors */
bool weight_file_find(const weight_file *f, const char *name, stored_tensor *t);
size_t weight_file_count(const weight_file *f);
/* Name and tensor by index. The name is borrowed until the next call with the same buffer. */
const char *weight_file_at(
    const weight_file *f, size_t index, char buffer[GGUF_NAME], stored_tensor *t);

/* Whether a model that is written to this path is to be a GGUF, which its name says */
bool path_is_gguf(const char *path);

/* Whether the tensor holds the same elements in the same order: leading dimensions of 1 do not
 * count. */
bool stored_has_shape(const stored_tensor *t, int rank, const int64_t *shape);
/* Refuses its shape, and says which was expected. */
cadre_status stored_refuse_shape(
    const weight_file *f, const char *name, int rank, const int64_t *shape, const stored_tensor *t);

#endif
