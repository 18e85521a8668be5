/* file.h - files: mapped whole to be read, replaced whole when written.
 *
 * A file that is written appears under its name complete and synced, or not at all. Errors name the
 * path as the caller gave it. */
#ifndef CADRE_BASE_FILE_H
#define CADRE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cadre/status.h"
#include "base/status.h"

typedef struct file_map {
    const uint8_t *data; /* NULL when size is 0 */
    size_t size;
} file_map;

cadre_status file_map_open(const char *path, file_map *map); /* read-only, shared */
void file_map_close(file_map *map);
/* The offset in the file of a byte of its map; -1 if the address lies outside. */
int64_t file_map_offset(const file_map *map, const void *at);
/* Reads a part of a map, so that its pages are in memory. */
void file_map_read(const void *at, size_t size);
/* Lets the whole pages of a part of a map leave memory until they are read again. */
void file_map_let_go(const void *at, size_t size);
/* A part of a map that is read soon, all of it: it is brought to memory meanwhile, and only it. */
void file_map_want(const void *at, size_t size);
/* A part of a map of which single pages may be read: what surrounds them is not read too. */
void file_map_want_little(const void *at, size_t size);

/* Reads a whole file into memory, with a NUL after its last byte; refuses more than `limit`
 * bytes. */
cadre_status file_read(const char *path, size_t limit, char **text, size_t *size);

/* Writing. Bytes go to PATH.tmp-PID; commit syncs that file, renames it to PATH and syncs the
 * folder. Any failure removes the temporary file and leaves PATH as it was. After a failed write,
 * later calls return the same failure. */
typedef struct file_writer file_writer;
cadre_status file_writer_open(const char *path, file_writer **writer);
cadre_status file_writer_put(file_writer *w, const void *data, size_t size);
/* Syncs and closes the temporary file, so that commit only has to rename it. */
cadre_status file_writer_finish(file_writer *w);
cadre_status file_writer_commit(file_writer *w);         /* frees w, whatever happens */
void file_writer_discard(file_writer *w);                /* frees w; NULL is fine */
const char *file_writer_temporary(const file_writer *w); /* the temporary file's path */
size_t file_writer_written(const file_writer *w);        /* bytes that have left the buffer */
/* Opens, writes and commits. */
cadre_status file_write(const char *path, const void *data, size_t size);

/* Several processes may write one file, each the bytes of its own. One of them opens it, and the
 * others join it by the ending of its temporary name, PATH.tmp-PID-RANDOM. The random part tells
 * the file from one on another machine. Only the writer that opened it renames or removes it. Every
 * writer reserves the whole length before it writes: then a network file system sends the bytes
 * that were written, and none around them. */
typedef struct file_ending {
    char text[48];
} file_ending;
cadre_status file_writer_open_shared(const char *path, file_writer **writer, file_ending *ending);
cadre_status file_writer_join(const char *path, const file_ending *ending, file_writer **writer);
cadre_status file_writer_reserve(file_writer *w, int64_t size); /* makes the file so long */
cadre_status file_writer_skip(file_writer *w, size_t size);     /* leaves the next bytes alone */
cadre_status file_writer_flush(file_writer *w);                 /* empties the buffer */

bool file_exists(const char *path);
bool file_exists_in(const char *folder, const char *name); /* allocates nothing */
bool file_is_folder(const char *path);
int64_t file_written(const char *path); /* seconds since 1970 of the last change; 0: not known */
int64_t file_changed(const char *path); /* the same in nanoseconds */
int64_t file_bytes(const char *path);   /* of a regular file; 0: there is none */
cadre_status file_make_folder(const char *path); /* with its parents; may exist already */
cadre_status file_remove(const char *path);      /* may be missing */
void file_remove_folder(const char *path);       /* only if it is empty */
/* A second name of a file; where the file system has no links, a copy. */
cadre_status file_link(const char *from, const char *to);
cadre_status file_move(const char *from, const char *to); /* within a file system */
cadre_status file_sync_folder(const char *path);
char *file_join(const char *folder, const char *name); /* freed by mem_free; NULL: out of memory */
const char *file_base(const char *path);               /* the part after the last slash */

/* The names in a folder, sorted bytewise, without "." and "..". */
cadre_status file_list(const char *folder, char ***names, int *count);
void file_list_free(char **names, int count);

#endif
