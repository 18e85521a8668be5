/* sized.c - reads and writes structs of another version's size. */
#include "base/sized.h"

#include <string.h>

cadre_status sized_check(const char *name, const void *given, size_t first)
{
    if (!given)
        return cadre_fail(CADRE_EARGUMENT, NULL, "%s: expected a pointer to one, found NULL", name);
    size_t size = *(const size_t *)given;
    if (size >= first) return CADRE_OK;
    cadre_status status = cadre_fail(CADRE_EARGUMENT, NULL,
        "%s: expected a size of at least %zu bytes, found %zu", name, first, size);
    cadre_fail_advice("its field `size` is set to sizeof(%s) before the call", name);
    return status;
}

cadre_status sized_read(const char *name, const void *given, size_t first, void *own, size_t size)
{
    CADRE_TRY(sized_check(name, given, first));
    size_t found = *(const size_t *)given, known = found < size ? found : size;
    memset(own, 0, size);
    memcpy(own, given, known);
    *(size_t *)own = size;
    return CADRE_OK;
}

cadre_status sized_read_or_zero(
    const char *name, const void *given, size_t first, void *own, size_t size)
{
    if (given) return sized_read(name, given, first, own, size);
    memset(own, 0, size);
    return CADRE_OK;
}

void sized_write(const void *own, size_t size, void *given)
{
    size_t found = *(const size_t *)given, known = found < size ? found : size;
    memcpy((char *)given + sizeof found, (const char *)own + sizeof found, known - sizeof found);
    if (found > known) memset((char *)given + known, 0, found - known);
}
