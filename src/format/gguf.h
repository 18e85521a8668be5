/* gguf.h - GGUF files, versions 2 and 3: metadata and tensors of one file or a split set are read
 * where they lie, and written as a stream.
 *
 * The mapped file is the data structure. Opening walks the header once, checks every rule, and
 * keeps the place of each key and tensor and their order by name: 12 bytes for each entry, whatever
 * the file claims. Values, even vocabularies of 200,000 strings, are read in place when they are
 * asked for. Strings are borrowed from the map and have no NUL at their end. */
#ifndef CADRE_FORMAT_GGUF_H
#define CADRE_FORMAT_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"

enum { GGUF_RANK = 4, GGUF_NAME = 64 }; /* dimensions; bytes of a tensor's name and its NUL */

typedef enum gguf_type { /* of a metadata value, as in the file */
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_TYPES
} gguf_type;

typedef struct gguf_string {
    const char *data;
    size_t size;
} gguf_string;

typedef struct gguf_array {
    gguf_type type; /* of its items; never GGUF_ARRAY */
    size_t count;
    const uint8_t *data;
} gguf_array;

typedef struct gguf_tensor {
    char name[GGUF_NAME];
    int type; /* ggml's number: kernel/number.h finds the format */
    int rank;
    int64_t extent[GGUF_RANK]; /* the fastest dimension first; 1 beyond rank */
    int64_t elements;
    const uint8_t *data; /* in the mapped file; aligned to 8 if the file's bytes are */
    size_t size;
} gguf_tensor;

typedef struct gguf gguf;

/* `path` may be the first file of a split set, NAME-00001-of-00005.gguf: the others are opened with
 * it. */
cadre_status gguf_open(const char *path, gguf **file);
/* Does the same with one file's bytes, which stay the caller's and must outlive it. `name` replaces
 * the path in errors. */
cadre_status gguf_parse(const char *name, const void *data, size_t size, gguf **file);
void gguf_close(gguf *file);
const char *gguf_path(const gguf *file);
/* The file of a split set that a byte of a tensor lies in, by number, and the offset there */
size_t gguf_part_of(const gguf *file, const uint8_t *at, int64_t *offset);
const char *gguf_part_path(const gguf *file, size_t part);

/* ---- tensors ---- */

size_t gguf_tensor_count(const gguf *file);
gguf_tensor gguf_tensor_at(const gguf *file, size_t index); /* in the order of the files */
bool gguf_tensor_find(const gguf *file, const char *name, gguf_tensor *tensor);
/* Refuses a missing tensor. */
cadre_status gguf_tensor_get(const gguf *file, const char *name, gguf_tensor *tensor);
const char *gguf_tensor_type_name(int type); /* "Q4_K"; NULL: unknown or removed */
/* The bytes of a tensor. Returns false for an unknown type, for rows that its blocks do not divide,
 * and for sizes beyond 64 bits. */
bool gguf_tensor_size(int type, int rank, const int64_t *extent, int64_t *elements, size_t *size);

/* ---- metadata: of the first file ---- */

/* The key under which a file may carry a whole tokenizer.json */
#define GGUF_TOKENIZER_JSON "tokenizer.huggingface.json"

size_t gguf_key_count(const gguf *file);
gguf_string gguf_key_at(const gguf *file, size_t index); /* in the order of the file */
bool gguf_has(const gguf *file, const char *key);
/* Whether the key has a number, an integer or a boolean, which goes to *value. */
bool gguf_has_number(const gguf *file, const char *key, double *value);
/* Whether one of the functions below was asked for the key's value. */
bool gguf_was_read(const gguf *file, const char *key);
/* The type of the key's value; GGUF_TYPES: the key is absent. */
gguf_type gguf_type_of(const gguf *file, const char *key);

/* These refuse absent keys, other types and values out of bounds, except that gguf_opt_X leaves the
 * result as it was when the key is absent. Any integer type is accepted as an integer, and any
 * number as a float. */
cadre_status gguf_get_int(
    const gguf *file, const char *key, int64_t min, int64_t max, int64_t *value);
cadre_status gguf_opt_int(
    const gguf *file, const char *key, int64_t min, int64_t max, int64_t *value);
cadre_status gguf_get_real(
    const gguf *file, const char *key, double min, double max, double *value);
cadre_status gguf_opt_real(
    const gguf *file, const char *key, double min, double max, double *value);
cadre_status gguf_opt_bool(const gguf *file, const char *key, bool *value);
cadre_status gguf_get_string(const gguf *file, const char *key, gguf_string *value);
cadre_status gguf_opt_string(const gguf *file, const char *key, gguf_string *value);
cadre_status gguf_get_array(const gguf *file, const char *key, gguf_array *value);

bool gguf_string_is(gguf_string s, const char *text);
/* Refuses the value of a key unless it is the one that `as` has; `why` follows that in the
 * sentence. Integers and numbers are compared as such, whatever their width. */
cadre_status gguf_check_as(const gguf *file, const gguf *as, const char *key, const char *why);

/* Items of an array. Calling one for another type is a bug. */
bool gguf_array_is_int(const gguf_array *a);               /* any integer type, or booleans */
bool gguf_array_is_real(const gguf_array *a);              /* f32 or f64 */
int64_t gguf_array_int(const gguf_array *a, size_t index); /* beyond int64: INT64_MAX */
double gguf_array_real(const gguf_array *a, size_t index); /* of integers too */
/* Returns the string at *at and moves *at to the next. Start at a->data, and call it a->count
 * times. */
gguf_string gguf_array_next_string(const uint8_t **at);
/* Writes all strings of an array to items [a->count]. */
void gguf_array_strings(const gguf_array *a, gguf_string *items);

/* ---- writing: version 3, tensors at multiples of 32 ---- */

/* Metadata and tensors are declared in any order. Then the tensors' bytes are written in the order
 * of declaration, in pieces of any size. At commit the file appears under its name, complete and
 * synced. After a failure, later calls return the same failure. */
typedef struct gguf_writer gguf_writer;

cadre_status gguf_writer_open(const char *path, gguf_writer **writer);
/* Refuses a value that does not fit the type. */
cadre_status gguf_writer_int(gguf_writer *w, const char *key, gguf_type type, int64_t value);
cadre_status gguf_writer_real(gguf_writer *w, const char *key, double value); /* f32 */
cadre_status gguf_writer_bool(gguf_writer *w, const char *key, bool value);
cadre_status gguf_writer_string(gguf_writer *w, const char *key, const char *text, size_t size);
cadre_status gguf_writer_ints(
    gguf_writer *w, const char *key, gguf_type type, const int64_t *values, size_t count);
cadre_status gguf_writer_reals(gguf_writer *w, const char *key, const float *values, size_t count);
cadre_status gguf_writer_strings(
    gguf_writer *w, const char *key, const gguf_string *values, size_t count);
/* A writer of metadata alone, which has no file; `name` replaces the path in errors.
 * gguf_writer_header gives what was declared, as the bytes of a file; discard frees the writer. */
cadre_status gguf_writer_open_header(const char *name, gguf_writer **writer);
cadre_status gguf_writer_header(const gguf_writer *w, byte_buffer *bytes);
/* Copies a key from another file; does nothing if it is absent there. */
cadre_status gguf_writer_copy(gguf_writer *w, const gguf *file, const char *key);
cadre_status gguf_writer_declare(
    gguf_writer *w, const char *name, int type, int rank, const int64_t *extent);
cadre_status gguf_writer_put(gguf_writer *w, const void *data, size_t size);
/* Refuses while a tensor lacks bytes. Frees w in any case. */
cadre_status gguf_writer_commit(gguf_writer *w);
void gguf_writer_discard(gguf_writer *w); /* frees w, leaves no file; NULL is fine */

#endif
