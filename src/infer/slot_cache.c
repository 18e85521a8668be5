/* slot_cache.c - promises of blocks, and what is kept.
 *
 * A block that is not free is counted once, as one of three: of a node of the tree that a sequence
 * holds, of a node that nobody holds, or a session's own. Own blocks of free slots, and nodes that
 * nobody holds, may be evicted when others need them. All own blocks of such slots go first, since
 * they keep evicted blocks from being free. */
#include "infer/slot_cache.h"

#include <string.h>

#include "base/memory.h"
#include "model/state.h"

/* ---- opening and closing ---- */

static cadre_status open_all(slot_cache *c, const cadre_model *model, int64_t capacity)
{
    CADRE_TRY(model_pool_open(&model->config, c->blocks * STATE_BLOCK, &c->pool));
    CADRE_TRY(prefix_cache_open(&c->prefixes, c->blocks));
    c->path = MEM_ARRAY(state_block *, state_blocks(capacity));
    c->past = MEM_ARRAY(slot_past, c->slots);
    if (!c->path || !c->past) return CADRE_ENOMEM;
    for (int64_t i = 0; i < c->slots; i++) {
        c->past[i].left = ++c->times;
        CADRE_TRY(session_open_in(c->pool, capacity, &c->past[i].session));
    }
    return CADRE_OK;
}

cadre_status slot_cache_open(
    const cadre_model *model, int64_t slots, int64_t capacity, int64_t blocks, slot_cache *c)
{
    *c = (slot_cache){ .blocks = blocks, .slots = slots };
    CADRE_TRY(session_check_model(model));
    cadre_status status = open_all(c, model, capacity);
    if (status != CADRE_OK) slot_cache_close(c);
    return status;
}

void slot_cache_close(slot_cache *c)
{
    for (int64_t i = 0; c->past && i < c->slots; i++) session_close(&c->past[i].session);
    prefix_cache_close(&c->prefixes);
    if (c->pool) state_pool_leave(c->pool, c->blocks);
    mem_free(c->path);
    mem_free(c->past);
    *c = (slot_cache){ 0 };
}

/* ---- what is shared ---- */

/* At least one token is left to read, for its logits. */
static prefix_node *find(const slot_cache *c, const int32_t *prompt, int64_t count)
{
    return prefix_cache_find(&c->prefixes, prompt, count - 1);
}

int64_t slot_cache_shared(const slot_cache *c, int64_t slot, const int32_t *prompt, int64_t count)
{
    int64_t in_slot = session_shared(&c->past[slot].session, prompt, count - 1),
            in_tree = prefix_depth(find(c, prompt, count)) * STATE_BLOCK;
    return in_slot > in_tree ? in_slot : in_tree;
}

/* The blocks of a free slot that are not in the tree */
static int64_t own_blocks(const slot_past *p)
{
    return p->session.state.held - prefix_depth(p->prefix);
}

int64_t slot_cache_idle_blocks(const slot_cache *c)
{
    int64_t blocks = c->prefixes.unheld;
    for (int64_t i = 0; i < c->slots; i++)
        if (c->past[i].left) blocks += own_blocks(&c->past[i]);
    return blocks;
}

static int64_t still_promised(const slot_cache *c)
{
    int64_t blocks = 0;
    for (int64_t i = 0; i < c->slots; i++) {
        const slot_past *p = &c->past[i];
        if (!p->left)
            blocks +=
                sequence_state_needs(&p->session.state, p->most - session_length(&p->session));
    }
    return blocks;
}

/* Blocks that the request shares need not be promised to it, but then they may no longer be
 * evicted. */
bool slot_cache_admits(const slot_cache *c, const int32_t *prompt, int64_t count, int64_t most)
{
    const prefix_node *shared = find(c, prompt, count);
    int64_t spare = state_pool_room(c->pool) + slot_cache_idle_blocks(c) - still_promised(c);
    return spare - prefix_path_unheld(shared) >= state_blocks(most) - prefix_depth(shared);
}

/* A slot's session holds no more of the prompt than the tree does, except in its last block. */
void slot_cache_begin(
    slot_cache *c, int64_t slot, const int32_t *prompt, int64_t count, int64_t most)
{
    slot_past *p = &c->past[slot];
    prefix_node *node = find(c, prompt, count);
    int64_t in_tree = prefix_depth(node) * STATE_BLOCK,
            in_slot = session_shared(&p->session, prompt, count - 1);
    prefix_path_blocks(node, c->path);
    if (in_slot >= in_tree) session_rewind(&p->session, in_slot);
    else session_begin(&p->session, prompt, c->path, in_tree);
    prefix_cache_hold(&c->prefixes, node);
    p->prefix = node, p->most = most, p->left = 0;
}

/* A block that the tree has too is counted there. */
void slot_cache_leave(slot_cache *c, int64_t slot)
{
    slot_past *p = &c->past[slot];
    sequence_state *s = &p->session.state;
    int64_t full = prefix_depth(p->prefix);
    session_rewind(&p->session, s->length);
    if (s->held > full && state_block_is_shared(s->block[full]))
        session_rewind(&p->session, full * STATE_BLOCK);
    prefix_cache_release(&c->prefixes, p->prefix);
    p->left = ++c->times;
}

/* ---- passes ---- */

static bool forget_oldest_slot(slot_cache *c)
{
    slot_past *oldest = NULL;
    for (int64_t i = 0; i < c->slots; i++) {
        slot_past *p = &c->past[i];
        if (p->left && p->session.state.held && (!oldest || p->left < oldest->left)) oldest = p;
    }
    if (!oldest) return false;
    session_rewind(&oldest->session, 0);
    oldest->prefix = NULL;
    return true;
}

cadre_status slot_cache_reserve(slot_cache *c, int64_t slot, int64_t tokens)
{
    sequence_state *s = &c->past[slot].session.state;
    while (state_pool_room(c->pool) < sequence_state_needs(s, tokens))
        if (!forget_oldest_slot(c) && !prefix_cache_evict(&c->prefixes)) break;
    return sequence_state_reserve(s, tokens);
}

void slot_cache_keep(slot_cache *c, int64_t slot)
{
    slot_past *p = &c->past[slot];
    session *s = &p->session;
    if (!state_pool_shares(c->pool)) return;
    for (int64_t i = prefix_depth(p->prefix); i < session_length(s) / STATE_BLOCK; i++) {
        state_block *own = s->state.block[i];
        p->prefix = prefix_cache_add(&c->prefixes, p->prefix, s->tokens + i * STATE_BLOCK, own);
        if (p->prefix->block != own) sequence_state_replace(&s->state, i, p->prefix->block);
    }
}
