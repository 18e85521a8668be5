/* name_index.h - finds one of many names with a hash table that is made once. */
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
    const char *const *names; /* borrowed; from one name to the next are `stride` bytes */
    size_t stride;
} name_index;

/* Makes the index of `count` names. *twice: a name that occurs before; NAME_NONE: all differ. */
cadre_status name_index_make(
    const char *const *names, size_t stride, size_t count, name_index *index, uint32_t *twice);
uint32_t name_index_find(const name_index *index, const char *name); /* NAME_NONE: not there */
void name_index_free(name_index *index);

#endif
