/* prefix_cache.h - the beginnings of texts that were read: a tree of full blocks of a pool
 * (mixer/state_pool.h). A block's parent holds the tokens just before its own.
 *
 *     tokens 0 .. 63 --- 64 .. 127 --- 128 .. 191
 *                    \-- 64 .. 127                   of a text that continues differently
 *
 * A node is found by a hash over its path; its parent and its tokens are compared too. Sequences
 * hold the path that they begin with. Of nodes that nobody holds, leaves are evicted, the least
 * recently used first. Nothing is allocated after opening.
 *
 * For layers with a window, a block of each node would be far more than sequences hold. These
 * blocks are evicted by themselves: first of nodes that were merely passed, then of those before a
 * place at which other texts are likely to go on (slot_cache.c).
 *
 * For layers with fixed parts, a node has a snapshot where one was kept. A sequence can begin at
 * these nodes alone. Snapshots are evicted by themselves, too. */
#ifndef CADRE_INFER_PREFIX_CACHE_H
#define CADRE_INFER_PREFIX_CACHE_H

#include "mixer/state_pool.h"

/* The orders of use: of all nodes; of those that have a block of STATE_WINDOW, by whether others
 * are likely to go on after it; and of those that have a snapshot */
typedef enum prefix_order {
    PREFIX_NODES,
    PREFIX_PASSED,
    PREFIX_MARKED,
    PREFIX_FIXED,
    PREFIX_ORDERS
} prefix_order;

typedef struct prefix_node {
    struct prefix_node *parent; /* NULL: its tokens are the first of a text */
    struct prefix_node *next;   /* in its bucket, or among the free nodes */
    struct prefix_node *older[PREFIX_ORDERS], *newer[PREFIX_ORDERS];
    state_span span;     /* STATE_WHOLE, and STATE_WINDOW where it was kept */
    prefix_order window; /* of its block of STATE_WINDOW */
    state_block *fixed;  /* the snapshot after its tokens; NULL: none was kept */
    int64_t depth;       /* spans of its path, including its own */
    int64_t children;    /* like holders, at most as many as there are nodes */
    int64_t holders;     /* sequences; each holds the whole path */
    uint64_t hash;
    int32_t tokens[STATE_BLOCK];
} prefix_node;

typedef struct prefix_cache {
    int64_t most, buckets; /* nodes; a power of two */
    prefix_node *nodes;    /* [most], of which `made` have been used */
    prefix_node **bucket;  /* [buckets] */
    prefix_node *free, *oldest[PREFIX_ORDERS], *newest[PREFIX_ORDERS];
    int64_t made;
    int64_t count, unheld; /* nodes in the tree, and those of them that nobody holds */
    int64_t evicted;       /* so far */
    int64_t windows;       /* nodes that have a block of STATE_WINDOW */
    int64_t snapshots;     /* nodes that have one of STATE_FIXED */
} prefix_cache;

/* For up to `blocks` nodes: all blocks of a pool. */
cadre_status prefix_cache_open(prefix_cache *c, int64_t blocks);
/* Returns its blocks to the pool. Nobody may hold a node. */
void prefix_cache_close(prefix_cache *c);

/* Finds the longest beginning of these tokens in whole blocks, and returns its last node; NULL:
 * none. */
prefix_node *prefix_cache_find(const prefix_cache *c, const int32_t *tokens, int64_t count);
/* The last node of this path after which a sequence of this pool can go on: what its next token
 * sees of layers with a window is there, and a snapshot where there are fixed parts. NULL: none. */
prefix_node *prefix_resumable(prefix_node *node, const state_pool *p);
/* The node of this path at a depth, at most its own */
prefix_node *prefix_ancestor(prefix_node *node, int64_t depth);
/* The number of nodes on the path to this one that nobody holds. Here and below, a node of NULL is
 * an empty path. */
int64_t prefix_path_unheld(const prefix_node *node);
/* The spans of the path [depth] */
void prefix_path_spans(const prefix_node *node, state_span *spans);

void prefix_cache_hold(prefix_cache *c, prefix_node *node);
void prefix_cache_release(prefix_cache *c, prefix_node *node);

/* Adds a node below `parent`, whose path the caller holds, with these tokens [STATE_BLOCK] in this
 * block. The caller then holds the result: a node with this block, or an existing one with another
 * block of the same tokens. */
prefix_node *prefix_cache_add(
    prefix_cache *c, prefix_node *parent, const int32_t *tokens, state_block *block);

/* Gives a node of this cache a block of STATE_WINDOW, unless it has one. Once it is marked, it
 * stays so. It becomes the newest. */
void prefix_cache_keep_window(prefix_cache *c, prefix_node *node, state_block *block, bool marked);
/* Takes one such block away. Returns false if there is none: with `alone`, none that the tree alone
 * holds. */
bool prefix_cache_evict_window(prefix_cache *c, bool alone);

/* Gives a node of this cache, which has none, this snapshot, of which the cache becomes the
 * holder. */
void prefix_cache_keep_fixed(prefix_cache *c, prefix_node *node, state_block *snapshot);
/* Tells that a sequence has begun at this node. */
void prefix_cache_use_fixed(prefix_cache *c, prefix_node *node);
void prefix_cache_drop_fixed(prefix_cache *c, prefix_node *node); /* if it has one */
/* Drops the least recently used one. Returns false if there is none. */
bool prefix_cache_evict_fixed(prefix_cache *c);

/* Removes one node, whose block becomes free unless a sequence has it. Returns false if all nodes
 * are held. */
bool prefix_cache_evict(prefix_cache *c);

static inline int64_t prefix_depth(const prefix_node *node) { return node ? node->depth : 0; }

#endif
