/* file_reader.h - a file that is read piece by piece, from its beginning or anywhere, and is not
 * mapped: it takes no memory but the caller's, and if it shrinks meanwhile a read fails. */
#ifndef CADRE_BASE_FILE_READER_H
#define CADRE_BASE_FILE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct file_reader {
    const char *path; /* the caller's */
    int handle;       /* -1: not open */
    int64_t bytes;    /* when it was opened */
} file_reader;

cadre_status file_reader_open(const char *path, file_reader *r);
void file_reader_close(file_reader *r);
/* At most `size` of the next bytes; *got is 0 at the end. */
cadre_status file_reader_next(file_reader *r, void *to, size_t size, size_t *got);
/* Exactly `size` bytes from `offset` on. Several threads may call it. */
cadre_status file_reader_at(const file_reader *r, int64_t offset, void *to, size_t size);

#endif
