/* unpacked_file.h - a file from its beginning to its end, as it is or decompressed: gzip (also
 * several members one after another) and zstd (frames) are recognised by their first bytes. */
#ifndef CADRE_FORMAT_UNPACKED_FILE_H
#define CADRE_FORMAT_UNPACKED_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct unpacked_file unpacked_file;

cadre_status unpacked_open(const char *path, unpacked_file **f); /* borrows the path */
void unpacked_close(unpacked_file *f);                           /* NULL is fine */
/* The next bytes, borrowed until the next call; *size is 0 at the end. Refuses a compressed file
 * that is damaged, or ends too early. */
cadre_status unpacked_next(unpacked_file *f, const char **data, size_t *size);

bool unpacked_is_packed(const unpacked_file *f); /* it is compressed */

/* A file's name without the ".gz" or ".zst" at its end: how many bytes of it. */
size_t unpacked_name(const char *name);
/* Whether a file's name ends so, apart from such an ending. */
bool unpacked_is_called(const char *path, const char *end);

#endif
