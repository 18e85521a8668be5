/* name_index.h - finds one of many names by a hash table that is made once. */
#ifndef CADRE_FORMAT_NAME_INDEX_H
#define CADRE_FORMAT_NAME_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { NAME_NONE = UINT32_MAX };

typedef struct name_index {
    uint32_t *slots; /* [mask + 1]: number of a name, or NAME_NONE */
    size_t mask;
    const char *const *names; /* borrowed: the first name, the next one `stride` bytes on */
    size_t stride;
} name_index;

/* Of `count` names; *twice: one that occurs before, NAME_NONE where all differ. */
cadre_status name_index_make(
    const char *const *names, size_t stride, size_t count, name_index *index, uint32_t *twice);
uint32_t name_index_find(const name_index *index, const char *name); /* NAME_NONE: not there */
void name_index_free(name_index *index);

#endif
