/* trie.h - strings by their bytes; finds all of them that begin at one place of a text. */
#ifndef CADRE_TEXT_TRIE_H
#define CADRE_TEXT_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#include "text/table.h"

typedef struct trie { /* zeroed: empty */
    number_map edges; /* node, byte -> node; the root is node 0 */
    int32_t *values;  /* [nodes] 1 + value of the string that ends there; 0: none ends there */
    size_t nodes, capacity;
} trie;

/* Adds a string with a value >= 0, which replaces an earlier one. */
cadre_status trie_add(trie *t, const char *data, size_t size, int32_t value);
void trie_free(trie *t);

/* Goes from a node along one byte; false: no string continues so. A walk begins at node 0. */
static inline bool trie_step(const trie *t, uint32_t *node, char byte)
{
    const uint64_t *next = number_map_find(&t->edges, (uint64_t)*node << 8 | (unsigned char)byte);
    if (!next) return false;
    *node = (uint32_t)*next;
    return true;
}

/* The value of the string that ends at a node; -1: none does. */
static inline int32_t trie_value(const trie *t, uint32_t node) { return t->values[node] - 1; }

#endif
