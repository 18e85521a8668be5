/* prefix_cache.c - the table of nodes, and the order in which they were used.
 *
 * When a path is released, its nodes become the newest, the last one first. Therefore, among nodes
 * that nobody holds, a parent is newer than its children, and the oldest node is a leaf. */
#include "infer/prefix_cache.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "format/hash.h"

/* ---- memory ---- */

cadre_status prefix_cache_open(prefix_cache *c, int64_t blocks)
{
    int64_t buckets = 1;
    while (buckets < blocks) buckets *= 2;
    *c = (prefix_cache){ .most = blocks, .buckets = buckets };
    c->nodes = mem_reserve((size_t)blocks, sizeof *c->nodes);
    c->bucket = mem_reserve((size_t)buckets, sizeof(prefix_node *));
    if (c->nodes && c->bucket) return CADRE_OK;
    prefix_cache_close(c);
    return CADRE_ENOMEM;
}

void prefix_cache_close(prefix_cache *c)
{
    for (prefix_node *n = c->oldest; n; n = n->newer) state_block_release(n->block);
    if (c->nodes) mem_return(c->nodes, (size_t)c->most, sizeof *c->nodes);
    if (c->bucket) mem_return(c->bucket, (size_t)c->buckets, sizeof(prefix_node *));
    *c = (prefix_cache){ 0 };
}

/* There are as many nodes as blocks, and each node has a block. */
static prefix_node *new_node(prefix_cache *c)
{
    prefix_node *n = c->free;
    if (n) {
        c->free = n->next;
        return n;
    }
    assert(c->made < c->most);
    return &c->nodes[c->made++];
}

/* ---- the order of use ---- */

static void take_out(prefix_cache *c, prefix_node *n)
{
    *(n->older ? &n->older->newer : &c->oldest) = n->newer;
    *(n->newer ? &n->newer->older : &c->newest) = n->older;
}

static void put_newest(prefix_cache *c, prefix_node *n)
{
    n->older = c->newest, n->newer = NULL;
    *(c->newest ? &c->newest->newer : &c->oldest) = n;
    c->newest = n;
}

/* ---- finding ---- */

typedef struct step {
    uint64_t before; /* the hash of the path before */
    int32_t tokens[STATE_BLOCK];
} step;

static uint64_t hash_of(const prefix_node *parent, const int32_t *tokens)
{
    step s = { .before = parent ? parent->hash : 0 };
    memcpy(s.tokens, tokens, sizeof s.tokens);
    return hash_bytes(&s, sizeof s).low;
}

static prefix_node **bucket_of(const prefix_cache *c, uint64_t hash)
{
    return &c->bucket[hash & (uint64_t)(c->buckets - 1)];
}

static prefix_node *child_of(
    const prefix_cache *c, const prefix_node *parent, const int32_t *tokens, uint64_t hash)
{
    prefix_node *n = *bucket_of(c, hash);
    while (n && (n->hash != hash || n->parent != parent ||
                    memcmp(n->tokens, tokens, sizeof n->tokens) != 0))
        n = n->next;
    return n;
}

prefix_node *prefix_cache_find(const prefix_cache *c, const int32_t *tokens, int64_t count)
{
    prefix_node *found = NULL;
    for (; count >= STATE_BLOCK; count -= STATE_BLOCK, tokens += STATE_BLOCK) {
        prefix_node *n = child_of(c, found, tokens, hash_of(found, tokens));
        if (!n) break;
        found = n;
    }
    return found;
}

int64_t prefix_path_unheld(const prefix_node *node)
{
    int64_t n = 0;
    for (; node && !node->holders; node = node->parent)
        n++; /* nodes above a held one are held too */
    return n;
}

void prefix_path_blocks(const prefix_node *node, state_block **blocks)
{
    for (; node; node = node->parent) blocks[node->depth - 1] = node->block;
}

/* ---- holding ---- */

static void hold_one(prefix_cache *c, prefix_node *n)
{
    if (n->holders++ == 0) c->unheld--;
}

void prefix_cache_hold(prefix_cache *c, prefix_node *node)
{
    for (; node; node = node->parent) hold_one(c, node);
}

void prefix_cache_release(prefix_cache *c, prefix_node *node)
{
    for (; node; node = node->parent) {
        if (--node->holders == 0) c->unheld++;
        take_out(c, node);
        put_newest(c, node);
    }
}

static prefix_node *insert(
    prefix_cache *c, prefix_node *parent, const int32_t *tokens, uint64_t hash, state_block *block)
{
    prefix_node *n = new_node(c), **bucket = bucket_of(c, hash);
    *n = (prefix_node){ .parent = parent,
        .next = *bucket,
        .block = state_block_share(block),
        .depth = prefix_depth(parent) + 1,
        .hash = hash };
    memcpy(n->tokens, tokens, sizeof n->tokens);
    *bucket = n;
    if (parent) parent->children++;
    put_newest(c, n);
    c->count++, c->unheld++;
    return n;
}

prefix_node *prefix_cache_add(
    prefix_cache *c, prefix_node *parent, const int32_t *tokens, state_block *block)
{
    uint64_t hash = hash_of(parent, tokens);
    prefix_node *n = child_of(c, parent, tokens, hash);
    if (!n) n = insert(c, parent, tokens, hash, block);
    hold_one(c, n);
    return n;
}

/* ---- evicting ---- */

static void remove_node(prefix_cache *c, prefix_node *n)
{
    prefix_node **at = bucket_of(c, n->hash);
    while (*at != n) at = &(*at)->next;
    *at = n->next;
    take_out(c, n);
    if (n->parent) n->parent->children--;
    state_block_release(n->block);
    n->next = c->free;
    c->free = n;
    c->count--, c->unheld--, c->evicted++;
}

/* Nodes that are held are in use now. */
bool prefix_cache_evict(prefix_cache *c)
{
    if (!c->unheld) return false;
    while (c->oldest->holders) {
        prefix_node *held = c->oldest;
        take_out(c, held);
        put_newest(c, held);
    }
    assert(!c->oldest->children);
    remove_node(c, c->oldest);
    return true;
}
