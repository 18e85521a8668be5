/* file.c - mapping, reading, names and folders. */
#define _GNU_SOURCE
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* ---- reading ---- */

static cadre_status open_regular(const char *path, int *fd, size_t *size)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe may have no writer */
    if (*fd < 0) return cadre_fail_errno(CADRE_EIO, path, "expected a readable file");
    struct stat st;
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(*fd);
        return cadre_fail(CADRE_EIO, path, "expected a regular file, found %s",
            S_ISDIR(st.st_mode) ? "a folder" : "something else");
    }
    *size = (size_t)st.st_size;
    return CADRE_OK;
}

/* Files of this size and more are mapped with large pages, where the system and the file system
 * have them. With small pages, memory is read at little more than half its speed, because every
 * address has to be looked up. */
enum { LARGE_FILE = 16 << 20 };

cadre_status file_map_open(const char *path, file_map *map)
{
    int fd;
    size_t size;
    CADRE_TRY(open_regular(path, &fd, &size));
    void *data = size ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    cadre_status status = CADRE_OK;
    if (data == MAP_FAILED) status = cadre_fail_errno(CADRE_EIO, path, "could not be mapped");
    else *map = (file_map){ data, size };
    if (status == CADRE_OK && size >= LARGE_FILE) madvise(data, size, MADV_HUGEPAGE);
    close(fd);
    return status;
}

void file_map_close(file_map *map)
{
    if (map->data) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (file_map){ 0 };
}

int64_t file_map_offset(const file_map *map, const void *at)
{
    uintptr_t begin = (uintptr_t)map->data, place = (uintptr_t)at;
    return place >= begin && place - begin < map->size ? (int64_t)(place - begin) : -1;
}

/* Advises for whole pages: those that the part touches. */
static void advise(const void *at, size_t size, int advice)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)at / page * page;
    if (size) madvise((void *)from, (uintptr_t)at + size - from, advice);
}

/* Where the system cannot do it, pages come when they are used. */
void file_map_read(const void *at, size_t size)
{
#ifdef MADV_POPULATE_READ
    advise(at, size, MADV_POPULATE_READ);
#else
    (void)at, (void)size;
#endif
}

void file_map_want(const void *at, size_t size)
{
    advise(at, size, MADV_NORMAL);
    advise(at, size, MADV_WILLNEED);
}

void file_map_want_little(const void *at, size_t size)
{
    advise(at, size, MADV_NOHUGEPAGE);
    advise(at, size, MADV_RANDOM);
}

void file_map_let_go(const void *at, size_t size)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE),
                    from = ((uintptr_t)at + page - 1) / page * page;
    const uintptr_t to = ((uintptr_t)at + size) / page * page;
    if (from < to) madvise((void *)from, to - from, MADV_DONTNEED);
}

static bool read_fully(int fd, char *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, data + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

cadre_status file_read(const char *path, size_t limit, char **text, size_t *size)
{
    int fd;
    size_t bytes;
    CADRE_TRY(open_regular(path, &fd, &bytes));
    cadre_status status = CADRE_OK;
    char *data = NULL;
    if (bytes > limit)
        status =
            cadre_fail(CADRE_EFORMAT, path, "expected at most %zu bytes, found %zu", limit, bytes);
    else if (!(data = mem_alloc(bytes + 1, 1))) status = CADRE_ENOMEM;
    else if (!read_fully(fd, data, bytes))
        status = cadre_fail_errno(CADRE_EIO, path, "could not be read");
    close(fd);
    if (status != CADRE_OK) {
        mem_free(data);
        return status;
    }
    *text = data;
    *size = bytes;
    return CADRE_OK;
}

/* ---- names and folders ---- */

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

bool file_exists_in(const char *folder, const char *name)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool there = faccessat(fd, name, F_OK, 0) == 0;
    close(fd);
    return there;
}

bool file_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t file_written(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_mtime : 0;
}

int64_t file_changed(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) return 0;
    return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

int64_t file_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : 0;
}

cadre_status file_make_folder(const char *path)
{
    char *partial = mem_strdup(path);
    if (!partial) return CADRE_ENOMEM;
    cadre_status status = CADRE_OK;
    for (char *p = partial + 1; status == CADRE_OK; p++) {
        if (*p != '/' && *p) continue;
        bool last = !*p;
        *p = 0;
        if (mkdir(partial, 0777) != 0 && !(errno == EEXIST && file_is_folder(partial)))
            status = cadre_fail_errno(CADRE_EIO, partial, "this folder could not be made");
        if (last) break;
        *p = '/';
    }
    mem_free(partial);
    return status;
}

cadre_status file_remove(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return cadre_fail_errno(CADRE_EIO, path, "could not be removed");
    return CADRE_OK;
}

void file_remove_folder(const char *path) { rmdir(path); }

cadre_status file_move(const char *from, const char *to)
{
    if (rename(from, to) != 0) return cadre_fail_errno(CADRE_EIO, to, "could not be renamed to");
    return CADRE_OK;
}

cadre_status file_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return cadre_fail_errno(CADRE_EIO, path, "this folder could not be opened");
    cadre_status status = CADRE_OK;
    if (fsync(fd) != 0 && errno != EINVAL)
        status = cadre_fail_errno(CADRE_EIO, path, "this folder could not be synced");
    close(fd);
    return status;
}

char *file_join(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    bool slash = length && folder[length - 1] == '/';
    return mem_printf("%s%s%s", folder, slash || !length ? "" : "/", name);
}

const char *file_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static cadre_status list_open(DIR *dir, char ***names, int *count)
{
    size_t room = 0;
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if ((size_t)*count == room) {
            char **more = mem_resize(*names, room, room ? 2 * room : 16, sizeof **names);
            if (!more) return CADRE_ENOMEM;
            *names = more;
            room = room ? 2 * room : 16;
        }
        if (!((*names)[*count] = mem_strdup(entry->d_name))) return CADRE_ENOMEM;
        (*count)++;
    }
    if (*count) qsort(*names, (size_t)*count, sizeof **names, by_bytes);
    return CADRE_OK;
}

cadre_status file_list(const char *folder, char ***names, int *count)
{
    DIR *dir = opendir(folder);
    if (!dir) return cadre_fail_errno(CADRE_EIO, folder, "expected a readable folder");
    char **found = NULL;
    int n = 0;
    cadre_status status = list_open(dir, &found, &n);
    closedir(dir);
    if (status != CADRE_OK) {
        file_list_free(found, n);
        return status;
    }
    *names = found;
    *count = n;
    return CADRE_OK;
}

void file_list_free(char **names, int count)
{
    for (int i = 0; i < count; i++) mem_free(names[i]);
    mem_free(names);
}
