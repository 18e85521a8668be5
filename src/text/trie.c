/* trie.c - a trie whose edges are one hash table. */
#include "text/trie.h"

#include "base/memory.h"

static cadre_status add_node(trie *t)
{
    if (t->nodes >= INT32_MAX)
        return cadre_fail(CADRE_ENOMEM, NULL, "out of memory: too many strings");
    CADRE_TRY(buffer_grow((void **)&t->values, t->nodes, &t->capacity, 1, sizeof *t->values));
    t->values[t->nodes++] = 0;
    return CADRE_OK;
}

cadre_status trie_add(trie *t, const char *data, size_t size, int32_t value)
{
    uint32_t node = 0;
    if (t->nodes == 0) CADRE_TRY(add_node(t));
    for (size_t i = 0; i < size; i++) {
        if (trie_step(t, &node, data[i])) continue;
        CADRE_TRY(add_node(t));
        CADRE_TRY(
            number_map_set(&t->edges, (uint64_t)node << 8 | (unsigned char)data[i], t->nodes - 1));
        node = (uint32_t)t->nodes - 1;
    }
    t->values[node] = value + 1;
    return CADRE_OK;
}

void trie_free(trie *t)
{
    number_map_free(&t->edges);
    mem_free(t->values);
    *t = (trie){ 0 };
}
