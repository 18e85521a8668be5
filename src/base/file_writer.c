/* file_writer.c - files that are replaced whole: written under a temporary name, then renamed. */
#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/memory.h"

/* A write covers one large page of the machine, at a multiple of its size, and so does the system's
 * cache of the file. */
enum { WRITE_BUFFER = 2 << 20 };

/* The names of temporary files, for a process that ends in a signal handler, which may do little
 * more than remove them. Files beyond this number are left behind then. */
enum { KNOWN = 64 };
static _Atomic(char *) temporaries[KNOWN];

static void remember(char *name)
{
    char *none = NULL;
    for (int i = 0; i < KNOWN; i++, none = NULL)
        if (atomic_compare_exchange_strong(&temporaries[i], &none, name)) return;
}

/* Called before the memory of the name is freed. */
static void forget(char *name)
{
    for (int i = 0; i < KNOWN; i++)
        if (atomic_load(&temporaries[i]) == name) atomic_store(&temporaries[i], NULL);
}

void cadre_abandon_files(void)
{
    for (int i = 0; i < KNOWN; i++) {
        const char *name = atomic_load(&temporaries[i]);
        if (name) unlink(name);
    }
}

struct file_writer {
    char *path, *temporary, *folder;
    int fd;
    bool joined;         /* another process made the temporary file, and will rename or remove it */
    cadre_status status; /* the first failure */
    size_t buffered, written;
    char *buffer; /* [WRITE_BUFFER] */
};

/* The folder of a path; NULL: out of memory. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return mem_strdup(".");
    return mem_printf("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static void writer_free(file_writer *w)
{
    if (w->fd >= 0) close(w->fd);
    if (w->temporary) forget(w->temporary);
    mem_free(w->path);
    mem_free(w->temporary);
    mem_free(w->folder);
    mem_free(w->buffer);
    mem_free(w);
}

/* Opens the temporary file PATH and `ending`, and makes it unless the writer joins another one. */
static cadre_status open_temporary(
    const char *path, const char *ending, bool join, file_writer **writer)
{
    file_writer *w = MEM_ARRAY(file_writer, 1);
    if (!w) return CADRE_ENOMEM;
    w->fd = -1;
    w->joined = join;
    w->path = mem_strdup(path);
    w->temporary = mem_printf("%s%s", path, ending);
    w->folder = parent_of(path);
    w->buffer = mem_alloc(WRITE_BUFFER, 1);
    if (!w->path || !w->temporary || !w->folder || !w->buffer) {
        writer_free(w);
        return CADRE_ENOMEM;
    }
    if (!join) remember(w->temporary);
    w->fd = open(w->temporary, O_WRONLY | O_CLOEXEC | (join ? 0 : O_CREAT | O_TRUNC), 0666);
    if (w->fd < 0) {
        cadre_status status = cadre_fail_errno(
            CADRE_EIO, path, join ? "could not be opened" : "could not be created");
        writer_free(w);
        return status;
    }
    *writer = w;
    return CADRE_OK;
}

cadre_status file_writer_open(const char *path, file_writer **writer)
{
    char ending[32];
    snprintf(ending, sizeof ending, ".tmp-%ld", (long)getpid());
    return open_temporary(path, ending, false, writer);
}

cadre_status file_writer_open_shared(const char *path, file_writer **writer, file_ending *ending)
{
    uint64_t token;
    if (getrandom(&token, sizeof token, 0) != sizeof token)
        return cadre_fail_errno(CADRE_EIO, path, "there is no random number for its name");
    *ending = (file_ending){ { 0 } };
    snprintf(ending->text, sizeof ending->text, ".tmp-%ld-%016" PRIx64, (long)getpid(), token);
    return open_temporary(path, ending->text, false, writer);
}

cadre_status file_writer_join(const char *path, const file_ending *ending, file_writer **writer)
{
    return open_temporary(path, ending->text, true, writer);
}

const char *file_writer_temporary(const file_writer *w) { return w->temporary; }

size_t file_writer_written(const file_writer *w) { return w->written; }

static cadre_status write_through(file_writer *w, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(w->fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return w->status = cadre_fail_errno(
                       CADRE_EIO, w->path, "could not be written after %zu bytes", w->written);
        data += n;
        size -= (size_t)n;
        w->written += (size_t)n;
    }
    return CADRE_OK;
}

static cadre_status flush(file_writer *w)
{
    size_t size = w->buffered;
    w->buffered = 0;
    return write_through(w, w->buffer, size);
}

cadre_status file_writer_put(file_writer *w, const void *data, size_t size)
{
    if (w->status != CADRE_OK) return w->status;
    for (const char *from = data; size;) {
        size_t room = WRITE_BUFFER - w->buffered, part = size < room ? size : room;
        memcpy(w->buffer + w->buffered, from, part);
        w->buffered += part;
        from += part;
        size -= part;
        if (w->buffered == WRITE_BUFFER) CADRE_TRY(flush(w));
    }
    return CADRE_OK;
}

cadre_status file_writer_flush(file_writer *w)
{
    return w->status == CADRE_OK ? flush(w) : w->status;
}

cadre_status file_writer_skip(file_writer *w, size_t size)
{
    CADRE_TRY(file_writer_flush(w));
    if (size && lseek(w->fd, (off_t)size, SEEK_CUR) < 0)
        w->status = cadre_fail_errno(CADRE_EIO, w->path, "could not be written at any place");
    return w->status;
}

cadre_status file_writer_reserve(file_writer *w, int64_t size)
{
    CADRE_TRY(file_writer_flush(w));
    if (ftruncate(w->fd, size) != 0)
        w->status = cadre_fail_errno(
            CADRE_EIO, w->path, "could not be made %lld bytes long", (long long)size);
    return w->status;
}

cadre_status file_writer_finish(file_writer *w)
{
    if (w->status != CADRE_OK || w->fd < 0) return w->status;
    cadre_status status = flush(w);
    if (status == CADRE_OK && fsync(w->fd) != 0)
        status = cadre_fail_errno(CADRE_EIO, w->path, "could not be synced");
    if (close(w->fd) != 0 && status == CADRE_OK)
        status = cadre_fail_errno(CADRE_EIO, w->path, "could not be closed");
    w->fd = -1;
    return w->status = status;
}

cadre_status file_writer_commit(file_writer *w)
{
    cadre_status status = file_writer_finish(w);
    if (w->joined) {
        writer_free(w);
        return status;
    }
    if (status == CADRE_OK && rename(w->temporary, w->path) != 0)
        status = cadre_fail_errno(CADRE_EIO, w->path, "could not be renamed into place");
    if (status == CADRE_OK) status = file_sync_folder(w->folder);
    else unlink(w->temporary);
    writer_free(w);
    return status;
}

void file_writer_discard(file_writer *w)
{
    if (!w) return;
    if (!w->joined) unlink(w->temporary);
    writer_free(w);
}

cadre_status file_write(const char *path, const void *data, size_t size)
{
    file_writer *w;
    CADRE_TRY(file_writer_open(path, &w));
    file_writer_put(w, data, size);
    return file_writer_commit(w);
}

static cadre_status copy(const char *from, const char *to)
{
    file_map map;
    CADRE_TRY(file_map_open(from, &map));
    cadre_status status = file_write(to, map.data, map.size);
    file_map_close(&map);
    return status;
}

cadre_status file_link(const char *from, const char *to)
{
    return link(from, to) == 0 ? CADRE_OK : copy(from, to);
}
