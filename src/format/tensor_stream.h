/* tensor_stream.h - the part that all tensor files share when they are written: declared sizes, a
 * header, then each tensor's bytes in that order, hashed as they pass, in a file that appears
 * complete or not at all. For the writers of this room.
 *
 * After a failure, every function returns that failure again. */
#ifndef CADRE_FORMAT_TENSOR_STREAM_H
#define CADRE_FORMAT_TENSOR_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/comm.h"
#include "base/file.h"
#include "format/hash.h"

typedef struct tensor_slot {
    char *name;
    size_t size;
    hash128 hash; /* once its bytes are written */
} tensor_slot;

typedef struct tensor_stream {
    char *path;
    size_t align; /* zeros fill up each tensor to a multiple of this */
    file_writer *file;
    cadre_status status;
    tensor_slot *list; /* [count] */
    size_t count, room;
    bool begun, finished;
    /* The ranks that write the file together; NULL: this process writes all of it */
    comm *ranks;
    bool gathered;   /* all of them have written what is theirs */
    size_t header;   /* bytes of it */
    size_t at, done; /* the tensor that is being written, and how many of its bytes are */
    size_t left;     /* bytes declared and not yet written */
    hash_stream *of_file, *of_tensor;
} tensor_stream;

cadre_status tensor_stream_open(tensor_stream *s, const char *path, size_t align);
/* Every rank opens and declares the same, begins, passes over all tensors' bytes in their order,
 * putting its own and skipping those of others, gathers, finishes and commits. There are no zeros
 * between tensors. *blind is that of shared_file.h: if it is a rank, rank 0 has a stream of its
 * own, and those of the others have no file. */
cadre_status tensor_stream_open_among(tensor_stream *s, const char *path, comm *ranks, int *blind);
void tensor_stream_close(tensor_stream *s); /* leaves no file unless it was committed */
cadre_status tensor_stream_declare(tensor_stream *s, const char *name, size_t size);
/* Refuses names that occur twice. Ranks have rank 0's header. */
cadre_status tensor_stream_begin(tensor_stream *s, const void *header, size_t size);
/* Writes bytes, in pieces of any size. */
cadre_status tensor_stream_put(tensor_stream *s, const void *data, size_t size);
/* Passes over bytes that another rank writes. */
cadre_status tensor_stream_skip(tensor_stream *s, size_t size);
/* Waits until every rank has written the bytes so far and they are on the disk. Then rank 0 reads
 * them for their hashes, and alone writes the rest. Nothing is to be done if there are no ranks. */
cadre_status tensor_stream_gather(tensor_stream *s);
/* Completes the file on the disk under a temporary name; refuses while bytes are missing. */
cadre_status tensor_stream_finish(tensor_stream *s);
cadre_status tensor_stream_commit(tensor_stream *s); /* renames it; call it after finish */

#endif
