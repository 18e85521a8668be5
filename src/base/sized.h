/* sized.h - public structs that begin with their own size, which may be that of an older or a newer
 * cadre.h.
 *
 * The rule stands at the head of cadre.h: the size must be at least that of the first version, and
 * fields that one side does not know are zero. A new field begins where the old struct's sizeof
 * ended, never in its padding, which older programs leave uninitialised. */
#ifndef CADRE_BASE_SIZED_H
#define CADRE_BASE_SIZED_H

#include "cadre/status.h"
#include "base/status.h"

/* The size of that version of a struct whose last field is `last`. */
#define SIZE_UP_TO(type, last) (offsetof(type, last) + sizeof(((type *)NULL)->last))

/* Refuses a missing struct and one that is smaller than its first version. `name` is its type. */
cadre_status sized_check(const char *name, const void *given, size_t first);

/* Copies a caller's struct into `own`, the struct as this library knows it, of `size` bytes. */
cadre_status sized_read(const char *name, const void *given, size_t first, void *own, size_t size);

/* Does the same, but takes NULL for a struct that is all zero. */
cadre_status sized_read_or_zero(
    const char *name, const void *given, size_t first, void *own, size_t size);

/* Copies results of `size` bytes into a struct that sized_check accepted; its size field stays. */
void sized_write(const void *own, size_t size, void *given);

#endif
