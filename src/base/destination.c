/* destination.c - tries to make a file or folder, removes what it made, and checks free space, of
 * what exists or of the nearest folder above. */
#define _GNU_SOURCE
#include "base/destination.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
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

/* With room for ".". Freed by mem_free; NULL: out of memory. */
static char *copy_of(const char *path)
{
    char *copy = mem_alloc(strlen(path) + 2, 1);
    return copy ? strcpy(copy, path) : NULL;
}

/* The path, or the nearest folder above it that exists. Freed by mem_free; NULL: out of memory. */
static char *nearest_there(const char *path)
{
    char *there = copy_of(path);
    if (!there) return NULL;
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

/* Makes an empty file and removes it. Permissions do not tell all: in /proc, no file can be made,
 * whatever they are. */
static bool can_make(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) return errno == EEXIST;
    close(file);
    unlink(path);
    return true;
}

static cadre_status try_file(const char *path)
{
    return can_make(path) ? CADRE_OK : cadre_fail_errno(CADRE_EIO, path, "could not be created");
}

/* Makes the folders of a path, one in the other, and removes those that were not there. `from` is
 * where the next name begins. If it fails, errno says why. */
static bool try_folders(char *path, size_t from)
{
    size_t end = from + strcspn(path + from, "/");
    char after = path[end];
    path[end] = 0;
    bool made = mkdir(path, 0777) == 0;
    int why = errno;
    bool is_there = made || file_is_folder(path);
    path[end] = after;
    bool all = is_there && (!after || try_folders(path, end + 1));
    if (is_there) why = errno; /* of what failed below it */
    path[end] = 0;
    if (made) rmdir(path);
    path[end] = after;
    errno = why;
    return all;
}

/* In a folder that is there, tries a file. */
static cadre_status try_inside(const char *path)
{
    char *file = file_join(path, ".cadre-tries-to-write");
    if (!file) return CADRE_ENOMEM;
    cadre_status status = can_make(file)
                              ? CADRE_OK
                              : cadre_fail_errno(CADRE_EIO, path, "no file could be made in it");
    mem_free(file);
    return status;
}

static cadre_status try_folder(const char *path)
{
    if (file_is_folder(path)) return try_inside(path);
    char *copy = mem_strdup(path);
    if (!copy) return CADRE_ENOMEM;
    int tries = 20;
    bool can;
    /* Another process that also tries may remove a folder that this one has just seen. */
    do {
        can = file_is_folder(path) || try_folders(copy, *path == '/');
    } while (!can && (errno == ENOENT || errno == EEXIST) && --tries);
    cadre_status status =
        can ? CADRE_OK : cadre_fail_errno(CADRE_EIO, path, "this folder could not be made");
    mem_free(copy);
    return status;
}

cadre_status destination_file(const char *path)
{
    if (file_is_folder(path))
        return cadre_fail(CADRE_EIO, path, "expected the name of a file to write, found a folder");
    if (file_exists(path))
        return access(path, W_OK) == 0
                   ? CADRE_OK
                   : cadre_fail_errno(CADRE_EIO, path, "could not be opened for writing");
    char *folder = copy_of(path);
    if (!folder) return CADRE_ENOMEM;
    cut_last_part(folder);
    cadre_status status = CADRE_OK;
    errno = ENOENT;
    if (!file_exists(folder)) status = cadre_fail_errno(CADRE_EIO, path, "could not be created");
    else status = may_change(folder, path);
    mem_free(folder);
    return status == CADRE_OK ? try_file(path) : status;
}

cadre_status destination_folder(const char *path)
{
    char *there = nearest_there(path);
    if (!there) return CADRE_ENOMEM;
    cadre_status status = may_change(there, path);
    mem_free(there);
    return status == CADRE_OK ? try_folder(path) : status;
}

/* Whether two paths name one folder, which may be missing. Both are cut. */
static bool same_folder(char *a, char *b)
{
    struct stat of_a, of_b;
    for (;;) {
        if (!strcmp(a, b)) return true;
        bool is_a = stat(a, &of_a) == 0, is_b = stat(b, &of_b) == 0;
        if (is_a && is_b) return of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
        if (is_a || is_b || strcmp(file_base(a), file_base(b)) != 0) return false;
        cut_last_part(a);
        cut_last_part(b);
    }
}

/* Compares copies. */
static bool names_same_folder(const char *a, const char *b)
{
    char *own_a = copy_of(a), *own_b = copy_of(b);
    bool same = own_a && own_b && same_folder(own_a, own_b);
    mem_free(own_a);
    mem_free(own_b);
    return same;
}

bool destination_comes_with(const char *file, const char *folder)
{
    char *parent = copy_of(file), *at = copy_of(folder);
    bool comes = false;
    if (parent && at) {
        cut_last_part(parent);
        for (size_t end = strlen(at); end > 1 && at[end - 1] == '/';) at[--end] = 0;
        while (!comes && !file_exists(parent) && !file_exists(at) && strcmp(at, ".") != 0) {
            comes = names_same_folder(parent, at);
            cut_last_part(at);
        }
    }
    mem_free(parent);
    mem_free(at);
    return comes;
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
