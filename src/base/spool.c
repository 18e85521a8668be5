/* spool.c - a file that is unlinked, allocated ahead and mapped. */
#define _GNU_SOURCE
#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"

enum { STEP = 256 << 20 }; /* bytes that it grows by */

cadre_status spool_open(const char *folder, spool *s)
{
    *s = (spool){ .handle = -1 };
    char *path = mem_printf("%s/.cadre-spool-XXXXXX", folder);
    if (!path) return CADRE_ENOMEM;
    s->handle = mkostemp(path, O_CLOEXEC);
    cadre_status status =
        s->handle < 0 ? cadre_fail_errno(CADRE_EIO, path, "could not be made") : CADRE_OK;
    if (s->handle >= 0) unlink(path);
    mem_free(path);
    return status;
}

void spool_close(spool *s)
{
    if (s->data) munmap(s->data, s->size);
    if (s->data || s->handle > 0) close(s->handle);
    *s = (spool){ .handle = -1 };
}

/* A disk that is full is an error here: in the middle of a mapping it would be a signal. */
static cadre_status allocate(spool *s, size_t size)
{
    int error;
    do error = posix_fallocate(s->handle, 0, (off_t)size);
    while (error == EINTR);
    errno = error;
    return error ? cadre_fail_errno(CADRE_EIO, NULL, "a temporary file of %zu bytes", size)
                 : CADRE_OK;
}

cadre_status spool_grow(spool *s, size_t size)
{
    if (size <= s->size) return CADRE_OK;
    size = (size + STEP - 1) / STEP * STEP;
    CADRE_TRY(allocate(s, size));
    void *data = s->data ? mremap(s->data, s->size, size, MREMAP_MAYMOVE)
                         : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->handle, 0);
    if (data == MAP_FAILED) return cadre_fail_errno(CADRE_ENOMEM, NULL, "mapping %zu bytes", size);
    s->data = data;
    s->size = size;
    return CADRE_OK;
}
