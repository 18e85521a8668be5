/* prefix_cache.h - beginnings of texts that have been read: a tree of full blocks of a pool
 * (mixer/state_pool.h), in which a block stands below the one whose tokens come before its own.
 *
 *     tokens 0 .. 63 --- 64 .. 127 --- 128 .. 191
 *                    \-- 64 .. 127                   of a text that goes on otherwise
 *
 * A node is found by a hash over its path; its parent and its tokens are compared too. Sequences
 * hold the path that they begin with. Of nodes that nobody holds, leaves are evicted, the least
 * recently used first. Nothing is allocated after opening. */
#ifndef CADRE_INFER_PREFIX_CACHE_H
#define CADRE_INFER_PREFIX_CACHE_H

#include "mixer/state_pool.h"

typedef struct prefix_node {
    struct prefix_node *parent; /* NULL: its tokens begin a text */
    struct prefix_node *next;   /* of its bucket, or of those that are free */
    struct prefix_node *older, *newer;
    state_block *block;
    int64_t depth;    /* blocks of its path, its own included */
    int64_t children; /* at most as many as there are nodes, as holders */
    int64_t holders;  /* sequences; each holds the whole path */
    uint64_t hash;
    int32_t tokens[STATE_BLOCK];
} prefix_node;

typedef struct prefix_cache {
    int64_t most, buckets; /* nodes; a power of two */
    prefix_node *nodes;    /* [most], of which `made` have been used */
    prefix_node **bucket;  /* [buckets] */
    prefix_node *free, *oldest, *newest;
    int64_t made;
    int64_t count, unheld; /* nodes in the tree, and those that nobody holds */
    int64_t evicted;       /* so far */
} prefix_cache;

/* Of up to `blocks` nodes: all blocks of a pool. */
cadre_status prefix_cache_open(prefix_cache *c, int64_t blocks);
/* Gives its blocks back. Nobody may hold a node. */
void prefix_cache_close(prefix_cache *c);

/* The longest beginning of these tokens, in whole blocks: the node of its last one; NULL: none. */
prefix_node *prefix_cache_find(const prefix_cache *c, const int32_t *tokens, int64_t count);
/* Nodes of the path to this one that nobody holds. Node NULL, here and below: an empty path. */
int64_t prefix_path_unheld(const prefix_node *node);
/* The blocks of the path [depth] */
void prefix_path_blocks(const prefix_node *node, state_block **blocks);

void prefix_cache_hold(prefix_cache *c, prefix_node *node);
void prefix_cache_release(prefix_cache *c, prefix_node *node);

/* Who holds the path to `parent` goes on with these tokens [STATE_BLOCK], in this block, and holds
 * what is returned: a node of this block, or one that was there, of another block of the same
 * tokens. */
prefix_node *prefix_cache_add(
    prefix_cache *c, prefix_node *parent, const int32_t *tokens, state_block *block);

/* One node goes, and its block is free unless a sequence has it; false: all are held. */
bool prefix_cache_evict(prefix_cache *c);

static inline int64_t prefix_depth(const prefix_node *node) { return node ? node->depth : 0; }

#endif
