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
    while (prefix_cache_evict_window(c, false) || prefix_cache_evict_fixed(c)) continue;
    for (prefix_node *n = c->oldest[PREFIX_NODES]; n; n = n->newer[PREFIX_NODES])
        state_block_release(n->span.block[STATE_WHOLE]);
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

static void take_out(prefix_cache *c, prefix_order o, prefix_node *n)
{
    *(n->older[o] ? &n->older[o]->newer[o] : &c->oldest[o]) = n->newer[o];
    *(n->newer[o] ? &n->newer[o]->older[o] : &c->newest[o]) = n->older[o];
}

static void put_newest(prefix_cache *c, prefix_order o, prefix_node *n)
{
    n->older[o] = c->newest[o], n->newer[o] = NULL;
    *(c->newest[o] ? &c->newest[o]->newer[o] : &c->oldest[o]) = n;
    c->newest[o] = n;
}

static void use_again(prefix_cache *c, prefix_order o, prefix_node *n)
{
    take_out(c, o, n);
    put_newest(c, o, n);
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

static prefix_node *with_snapshot(prefix_node *node, const state_pool *p)
{
    while (node && p->recurrent && !node->fixed) node = node->parent;
    return node;
}

prefix_node *prefix_resumable(prefix_node *node, const state_pool *p)
{
    prefix_node *found = with_snapshot(node, p), *n = found;
    while (n && p->window) {
        bool sees = n->span.block[STATE_WINDOW];
        if (sees && n->depth - 1 <= state_first_seen(p->window, found->depth * STATE_BLOCK)) break;
        n = n->parent;
        if (!sees) n = found = with_snapshot(n, p);
    }
    return found;
}

prefix_node *prefix_ancestor(prefix_node *node, int64_t depth)
{
    while (node && node->depth > depth) node = node->parent;
    return node;
}

int64_t prefix_path_unheld(const prefix_node *node)
{
    int64_t n = 0;
    for (; node && !node->holders; node = node->parent)
        n++; /* nodes above a held one are held too */
    return n;
}

void prefix_path_spans(const prefix_node *node, state_span *spans)
{
    for (; node; node = node->parent) spans[node->depth - 1] = node->span;
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
        use_again(c, PREFIX_NODES, node);
    }
}

static prefix_node *insert(
    prefix_cache *c, prefix_node *parent, const int32_t *tokens, uint64_t hash, state_block *block)
{
    prefix_node *n = new_node(c), **bucket = bucket_of(c, hash);
    *n = (prefix_node){ .parent = parent,
        .next = *bucket,
        .span.block[STATE_WHOLE] = state_block_share(block),
        .depth = prefix_depth(parent) + 1,
        .hash = hash };
    memcpy(n->tokens, tokens, sizeof n->tokens);
    *bucket = n;
    if (parent) parent->children++;
    put_newest(c, PREFIX_NODES, n);
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

/* ---- windows ---- */

void prefix_cache_keep_window(prefix_cache *c, prefix_node *node, state_block *block, bool marked)
{
    if (node->span.block[STATE_WINDOW]) {
        take_out(c, node->window, node);
    } else {
        node->window = PREFIX_PASSED;
        node->span.block[STATE_WINDOW] = state_block_share(block);
        c->windows++;
    }
    if (marked) node->window = PREFIX_MARKED;
    put_newest(c, node->window, node);
}

static void drop_window(prefix_cache *c, prefix_node *n)
{
    if (!n->span.block[STATE_WINDOW]) return;
    take_out(c, n->window, n);
    state_block_release(n->span.block[STATE_WINDOW]);
    n->span.block[STATE_WINDOW] = NULL;
    c->windows--;
}

bool prefix_cache_evict_window(prefix_cache *c, bool alone)
{
    for (int o = PREFIX_PASSED; o <= PREFIX_MARKED; o++)
        for (prefix_node *n = c->oldest[o]; n; n = n->newer[o]) {
            if (alone && state_block_is_shared(n->span.block[STATE_WINDOW])) continue;
            drop_window(c, n);
            return true;
        }
    return false;
}

/* ---- snapshots ---- */

void prefix_cache_keep_fixed(prefix_cache *c, prefix_node *node, state_block *snapshot)
{
    assert(!node->fixed);
    node->fixed = snapshot;
    put_newest(c, PREFIX_FIXED, node);
    c->snapshots++;
}

void prefix_cache_use_fixed(prefix_cache *c, prefix_node *node)
{
    use_again(c, PREFIX_FIXED, node);
}

void prefix_cache_drop_fixed(prefix_cache *c, prefix_node *node)
{
    if (!node->fixed) return;
    take_out(c, PREFIX_FIXED, node);
    state_block_release(node->fixed);
    node->fixed = NULL;
    c->snapshots--;
}

bool prefix_cache_evict_fixed(prefix_cache *c)
{
    if (!c->oldest[PREFIX_FIXED]) return false;
    prefix_cache_drop_fixed(c, c->oldest[PREFIX_FIXED]);
    return true;
}

/* ---- evicting ---- */

static void remove_node(prefix_cache *c, prefix_node *n)
{
    prefix_node **at = bucket_of(c, n->hash);
    while (*at != n) at = &(*at)->next;
    *at = n->next;
    take_out(c, PREFIX_NODES, n);
    if (n->parent) n->parent->children--;
    drop_window(c, n);
    prefix_cache_drop_fixed(c, n);
    state_block_release(n->span.block[STATE_WHOLE]);
    n->next = c->free;
    c->free = n;
    c->count--, c->unheld--, c->evicted++;
}

/* Nodes that are held are in use now. */
bool prefix_cache_evict(prefix_cache *c)
{
    if (!c->unheld) return false;
    while (c->oldest[PREFIX_NODES]->holders) use_again(c, PREFIX_NODES, c->oldest[PREFIX_NODES]);
    assert(!c->oldest[PREFIX_NODES]->children);
    remove_node(c, c->oldest[PREFIX_NODES]);
    return true;
}
