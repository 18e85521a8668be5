/* name_index.c - a hash table with open addressing, at most half full. The hash starts from an
 * address, which differs from run to run, so that no file can be made whose names all collide. The
 * result of a search does not depend on it. */
#include "format/name_index.h"

#include <string.h>
#include <xxhash.h>

#include "base/memory.h"

static const char *name_of(const name_index *x, uint32_t i)
{
    return *(
        const char *const *)(const void *)((const char *)(const void *)x->names + i * x->stride);
}

/* The slot that the name is in, or would be put into. */
static size_t slot_of(const name_index *x, const char *name)
{
    size_t slot = XXH3_64bits_withSeed(name, strlen(name), (uintptr_t)x->slots) & x->mask;
    while (x->slots[slot] != NAME_NONE && strcmp(name_of(x, x->slots[slot]), name))
        slot = (slot + 1) & x->mask;
    return slot;
}

cadre_status name_index_make(
    const char *const *names, size_t stride, size_t count, name_index *index, uint32_t *twice)
{
    name_index x = { .mask = 3, .names = names, .stride = stride };
    while (x.mask + 1 < 2 * count) x.mask = 2 * x.mask + 1;
    if (!(x.slots = mem_alloc(x.mask + 1, sizeof *x.slots))) return CADRE_ENOMEM;
    memset(x.slots, 0xff, (x.mask + 1) * sizeof *x.slots);
    *twice = NAME_NONE;
    for (uint32_t i = 0; i < count; i++) {
        size_t slot = slot_of(&x, name_of(&x, i));
        if (x.slots[slot] != NAME_NONE) *twice = i;
        else x.slots[slot] = i;
    }
    *index = x;
    return CADRE_OK;
}

uint32_t name_index_find(const name_index *index, const char *name)
{
    return index->slots ? index->slots[slot_of(index, name)] : NAME_NONE;
}

void name_index_free(name_index *index)
{
    mem_free(index->slots);
    *index = (name_index){ 0 };
}
