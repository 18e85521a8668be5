/* direct_file.h - a file that is read past the system's page cache, in whole pages at page
 * addresses. It is opened once, and notices when it is changed later.
 *
 * Where the file system cannot do this, reads go through the cache, which is told after each of
 * them that the pages are not needed. */
#ifndef CADRE_BASE_DIRECT_FILE_H
#define CADRE_BASE_DIRECT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { DIRECT_PAGE = 4096 }; /* what offsets, lengths and addresses are multiples of */

typedef struct direct_file {
    int handle;
    bool direct; /* past the page cache */
    int64_t bytes;
    int64_t seconds, nanoseconds; /* when it was last changed */
    char *path;
} direct_file;

cadre_status direct_file_open(const char *path, direct_file *f);
void direct_file_close(direct_file *f); /* zeroed is fine */

/* Refuses a file whose size or time has changed since it was opened. */
cadre_status direct_file_check(const direct_file *f);

/* Reads once; returns the bytes read, which may be fewer, or the negative errno. */
int64_t direct_file_read(const direct_file *f, int64_t offset, int64_t bytes, void *to);

/* What follows a read: where it went through the page cache, its pages leave that. */
void direct_file_forget(const direct_file *f, int64_t offset, int64_t bytes);

static inline int64_t direct_page_down(int64_t at) { return at / DIRECT_PAGE * DIRECT_PAGE; }
static inline int64_t direct_page_up(int64_t at) { return direct_page_down(at + DIRECT_PAGE - 1); }

#endif
