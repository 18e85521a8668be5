/* regex_tree.h - a regular expression as a tree; for regex.c, which makes an automaton of it. */
#ifndef CADRE_GRAMMAR_REGEX_TREE_H
#define CADRE_GRAMMAR_REGEX_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { REGEX_COUNT_MAX = 10000, REGEX_BYTES_MAX = 4096 };
#define REGEX_UNBOUNDED UINT32_MAX

typedef enum regex_kind { REGEX_SET, REGEX_SEQUENCE, REGEX_CHOICE, REGEX_REPEAT } regex_kind;

typedef struct regex_range {
    uint32_t low, high; /* characters */
} regex_range;

typedef struct regex_node {
    regex_kind kind;
    uint32_t child;        /* 0: none. Of a sequence its last one, whose sibling stands before it */
    uint32_t sibling;      /* 0: none */
    uint32_t min, max;     /* REPEAT; max REGEX_UNBOUNDED: or more */
    uint32_t first, count; /* SET: ranges in order, apart */
} regex_node;

typedef struct regex_tree { /* zeroed: empty */
    regex_node *nodes;      /* node 0 is nothing */
    regex_range *ranges;
    size_t node_count, node_room, range_count, range_room;
    uint32_t root;
} regex_tree;

/* begun: the pattern is of what stands where a string begins, also without ^. What is no regular
 * language (references), or not done (\b, \p, lookahead in the middle), is refused by name. */
cadre_status regex_tree_read(
    const char *pattern, size_t size, const char *name, bool begun, regex_tree *t);
void regex_tree_free(regex_tree *t);

#endif
