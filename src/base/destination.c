/* destination.c - checks permission and free space, of what exists or of the nearest folder
 * above. */
#define _GNU_SOURCE
#include "base/destination.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

/* Removes the last part of a path; a bare name becomes ".". */
static void cut_last_part(char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    while (end && path[end - 1] != '/') end--;
    while (end > 1 && path[end - 1] == '/') end--;
    if (end) path[end] = 0;
    else strcpy(path, ".");
}

/* The path, or the nearest folder above it that exists. Freed by mem_free; NULL: out of memory. */
static char *nearest_there(const char *path)
{
    char *there = mem_alloc(strlen(path) + 2, 1); /* room for "." */
    if (!there) return NULL;
    strcpy(there, path);
    while (!file_exists(there) && strcmp(there, ".") != 0 && strcmp(there, "/") != 0)
        cut_last_part(there);
    return there;
}

/* Whether something can be made in the folder `there`, which lies on the way to `path`. */
static cadre_status may_change(const char *there, const char *path)
{
    if (!file_is_folder(there))
        return cadre_fail(CADRE_EIO, there, "expected a folder to write in, found a file");
    return access(there, W_OK | X_OK) == 0
               ? CADRE_OK
               : cadre_fail_errno(CADRE_EIO, path, "could not be created");
}

cadre_status destination_file(const char *path)
{
    if (file_is_folder(path))
        return cadre_fail(CADRE_EIO, path, "expected the name of a file to write, found a folder");
    if (file_exists(path))
        return access(path, W_OK) == 0
                   ? CADRE_OK
                   : cadre_fail_errno(CADRE_EIO, path, "could not be opened for writing");
    char *folder = mem_alloc(strlen(path) + 2, 1);
    if (!folder) return CADRE_ENOMEM;
    strcpy(folder, path);
    cut_last_part(folder);
    cadre_status status = CADRE_OK;
    errno = ENOENT;
    if (!file_exists(folder)) status = cadre_fail_errno(CADRE_EIO, path, "could not be created");
    else status = may_change(folder, path);
    mem_free(folder);
    return status;
}

cadre_status destination_folder(const char *path)
{
    char *there = nearest_there(path);
    if (!there) return CADRE_ENOMEM;
    cadre_status status = may_change(there, path);
    mem_free(there);
    return status;
}

cadre_status destination_room(const char *path, int64_t bytes, const char *what)
{
    struct statvfs file_system;
    char *there = nearest_there(path);
    if (!there) return CADRE_ENOMEM;
    bool told = statvfs(there, &file_system) == 0 && file_system.f_blocks;
    mem_free(there);
    if (!told) return CADRE_OK;
    double unit = (double)file_system.f_frsize; /* without what is kept for root */
    double free_bytes =
        unit * (double)(geteuid() == 0 ? file_system.f_bfree : file_system.f_bavail);
    if ((double)bytes <= free_bytes) return CADRE_OK;
    return cadre_fail(CADRE_EIO, path, "expected room on the disk for %s, %.3g GB, found %.3g GB",
        what, (double)bytes / 1e9, free_bytes / 1e9);
}
