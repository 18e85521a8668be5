/* direct_file.c - asks for direct reads, tries one, and does without where that fails. */
#define _GNU_SOURCE
#include "base/direct_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* Some file systems accept the flag and refuse the reads. */
static bool reads_directly(int handle)
{
    void *page = aligned_alloc(DIRECT_PAGE, DIRECT_PAGE);
    bool reads = page && pread(handle, page, DIRECT_PAGE, 0) >= 0;
    free(page);
    return reads;
}

static cadre_status open_handle(const char *path, direct_file *f)
{
    f->handle = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
    f->direct = f->handle >= 0 && reads_directly(f->handle);
    if (f->direct) return CADRE_OK;
    if (f->handle >= 0) close(f->handle);
    f->handle = open(path, O_RDONLY | O_CLOEXEC);
    if (f->handle < 0) return cadre_fail_errno(CADRE_EIO, path, "cannot be opened");
    posix_fadvise(f->handle, 0, 0, POSIX_FADV_RANDOM);
    return CADRE_OK;
}

cadre_status direct_file_open(const char *path, direct_file *out)
{
    direct_file f = { 0 };
    struct stat s;
    CADRE_TRY(open_handle(path, &f));
    f.path = mem_strdup(path);
    cadre_status status = f.path ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK && fstat(f.handle, &s))
        status = cadre_fail_errno(CADRE_EIO, path, "cannot be looked at");
    if (status != CADRE_OK) {
        direct_file_close(&f);
        return status;
    }
    f.bytes = s.st_size;
    f.seconds = s.st_mtim.tv_sec, f.nanoseconds = s.st_mtim.tv_nsec;
    *out = f;
    return CADRE_OK;
}

void direct_file_close(direct_file *f)
{
    if (f->path || f->handle > 0) close(f->handle);
    mem_free(f->path);
    *f = (direct_file){ 0 };
}

cadre_status direct_file_check(const direct_file *f)
{
    struct stat s;
    if (fstat(f->handle, &s)) return cadre_fail_errno(CADRE_EIO, f->path, "cannot be looked at");
    if (s.st_size != f->bytes)
        return cadre_fail(CADRE_EIO, f->path,
            "expected the %lld bytes that were there when it was opened, found %lld",
            (long long)f->bytes, (long long)s.st_size);
    if (s.st_mtim.tv_sec != f->seconds || s.st_mtim.tv_nsec != f->nanoseconds)
        return cadre_fail(CADRE_EIO, f->path,
            "expected a file that nobody writes while it is used, found it changed since it was "
            "opened");
    return CADRE_OK;
}

int64_t direct_file_read(const direct_file *f, int64_t offset, int64_t bytes, void *to)
{
    ssize_t got = pread(f->handle, to, (size_t)bytes, offset);
    return got < 0 ? -errno : got;
}

void direct_file_forget(const direct_file *f, int64_t offset, int64_t bytes)
{
    if (!f->direct) posix_fadvise(f->handle, offset, bytes, POSIX_FADV_DONTNEED);
}
