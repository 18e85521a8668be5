/* sized.h - public structs that begin with their own size, which may be that of an older or a newer
 * cadre.h.
 *
 * The rule stands at the head of cadre.h: at least the first version's size is asked for; what one
 * side does not know is zero. A new field begins where the old struct's sizeof ended, never in the
 * padding there, which older programs leave as it is. */
#ifndef CADRE_BASE_SIZED_H
#define CADRE_BASE_SIZED_H

#include "base/status.h"

/* The size of the version of a struct whose last field this was. */
#define SIZE_UP_TO(type, last) (offsetof(type, last) + sizeof(((type *)NULL)->last))

/* Whether the struct is there and at least as large as its first version. `name` is its type. */
cadre_status sized_check(const char *name, const void *given, size_t first);

/* The struct as this library knows it, of `size` bytes, from what was given. */
cadre_status sized_read(const char *name, const void *given, size_t first, void *own, size_t size);

/* As sized_read, where NULL is allowed: then all of it is zero. */
cadre_status sized_read_or_zero(
    const char *name, const void *given, size_t first, void *own, size_t size);

/* A struct of answers, of `size` bytes, to one that sized_check has seen; its size field stays. */
void sized_write(const void *own, size_t size, void *given);

#endif
