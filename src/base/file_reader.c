/* file_reader.c - read and pread, with what may interrupt them. */
#define _GNU_SOURCE
#include "base/file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

cadre_status file_reader_open(const char *path, file_reader *r)
{
    struct stat st;
    *r = (file_reader){ .path = path, .handle = -1 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe may have no writer */
    if (fd < 0) return cadre_fail_errno(CADRE_EIO, path, "expected a readable file");
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return cadre_fail(CADRE_EIO, path, "expected a regular file, found %s",
            S_ISDIR(st.st_mode) ? "a folder" : "something else");
    }
    r->handle = fd;
    r->bytes = st.st_size;
    return CADRE_OK;
}

void file_reader_close(file_reader *r)
{
    if (r->handle >= 0 && r->path) close(r->handle);
    *r = (file_reader){ .handle = -1 };
}

cadre_status file_reader_next(file_reader *r, void *to, size_t size, size_t *got)
{
    ssize_t n;
    do n = read(r->handle, to, size);
    while (n < 0 && errno == EINTR);
    if (n < 0) return cadre_fail_errno(CADRE_EIO, r->path, "could not be read");
    *got = (size_t)n;
    return CADRE_OK;
}

cadre_status file_reader_at(const file_reader *r, int64_t offset, void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(r->handle, (char *)to + done, size - done, offset + (int64_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cadre_fail_errno(CADRE_EIO, r->path, "could not be read");
        if (n == 0)
            return cadre_fail(CADRE_EIO, r->path, "expected %zu bytes at %lld, found its end", size,
                (long long)offset);
        done += (size_t)n;
    }
    return CADRE_OK;
}
