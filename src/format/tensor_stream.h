/* tensor_stream.h - the part that all tensor files share when they are written: declared sizes, a
 * header, then each tensor's bytes in that order, hashed on the way, through a file that appears
 * whole or not at all. For the writers of this room.
 *
 * Every function returns the first failure of the stream once there was one. */
#ifndef CADRE_FORMAT_TENSOR_STREAM_H
#define CADRE_FORMAT_TENSOR_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/file.h"
#include "format/hash.h"

typedef struct tensor_slot {
    char *name;
    size_t size;
    hash128 hash; /* once its bytes are written */
} tensor_slot;

typedef struct tensor_stream {
    char *path;
    size_t align; /* zeros follow each tensor up to a multiple of this */
    file_writer *file;
    cadre_status status;
    tensor_slot *list; /* [count] */
    size_t count, room;
    bool begun, sealed;
    size_t at, done; /* the tensor whose bytes are coming, and how many of its came */
    size_t left;     /* bytes declared and not yet written */
    hash_stream *of_file, *of_tensor;
} tensor_stream;

cadre_status tensor_stream_open(tensor_stream *s, const char *path, size_t align);
void tensor_stream_close(tensor_stream *s); /* leaves no file unless it was committed */
cadre_status tensor_stream_declare(tensor_stream *s, const char *name, size_t size);
/* Refuses names that come twice */
cadre_status tensor_stream_begin(tensor_stream *s, const void *header, size_t size);
/* Of any size, once begun */
cadre_status tensor_stream_put(tensor_stream *s, const void *data, size_t size);
/* On the disk under a temporary name; refused while bytes are missing */
cadre_status tensor_stream_seal(tensor_stream *s);
cadre_status tensor_stream_commit(tensor_stream *s); /* ... and under its own; after seal */

#endif
