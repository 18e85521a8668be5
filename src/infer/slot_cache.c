/* slot_cache.c - promises of blocks, and what is kept.
 *
 * A block that is not free is counted once, as one of three: of a node of the tree that a sequence
 * holds, of a node that nobody holds, or a session's own. Own blocks of free slots, and nodes that
 * nobody holds, may be evicted when others need them. All own blocks of such slots go first, since
 * they keep evicted blocks from being free.
 *
 * Blocks of layers with a window are counted more simply. Requests are admitted while the most that
 * each may hold at a time has room, whatever they share; all others may be evicted. */
#include "infer/slot_cache.h"

#include <string.h>

#include "base/memory.h"
#include "model/state.h"

/* ---- opening and closing ---- */

static int64_t at_most(int64_t n, int64_t most) { return n < most ? n : most; }

/* Two snapshots for each slot and two more, or as many as a quarter of the memory of the rows has
 * room for; but not more than spans. Sequences are never without what they need for want of one. */
int64_t slot_cache_snapshots(const cadre_model *model, int64_t slots, int64_t blocks)
{
    int64_t fixed = model_state_fixed_bytes(&model->config),
            rows = model_state_block_bytes(&model->config), least = 2 * slots + 2;
    if (!fixed || model->ranks) return 0;
    int64_t fit = (int64_t)((double)blocks * (double)rows / 4 / (double)fixed);
    return at_most(fit > least ? fit : least, blocks);
}

/* As many of STATE_WINDOW as all slots may hold at a time, but not more than spans */
static state_counts blocks_of(const cadre_model *model, const slot_cache_limits *l)
{
    int64_t window = model_state_window(&model->config),
            most = l->slots * state_window_blocks(window, l->capacity, l->pass);
    return (state_counts){ { [STATE_WHOLE] = l->blocks,
        [STATE_WINDOW] = at_most(most, l->blocks),
        [STATE_FIXED] = slot_cache_snapshots(model, l->slots, l->blocks) } };
}

static cadre_status open_all(slot_cache *c, const cadre_model *model, int64_t capacity)
{
    CADRE_TRY(model_pool_open(model->own, c->promised, &c->pool));
    if (model->ranks) state_pool_log(c->pool, &model->ranks->log);
    CADRE_TRY(prefix_cache_open(&c->prefixes, c->blocks));
    c->path = MEM_ARRAY(state_span, state_blocks(capacity));
    c->past = MEM_ARRAY(slot_past, c->slots);
    if (!c->path || !c->past) return CADRE_ENOMEM;
    for (int64_t i = 0; i < c->slots; i++) {
        c->past[i].left = ++c->times;
        CADRE_TRY(session_open_in(c->pool, capacity, &c->past[i].session));
    }
    return CADRE_OK;
}

cadre_status slot_cache_open(
    const cadre_model *model, const slot_cache_limits *limits, slot_cache *c)
{
    *c = (slot_cache){ .blocks = limits->blocks, .slots = limits->slots, .pass = limits->pass };
    CADRE_TRY(session_check_model(model));
    c->promised = blocks_of(model, limits);
    cadre_status status = open_all(c, model, limits->capacity);
    if (status != CADRE_OK) slot_cache_close(c);
    return status;
}

void slot_cache_close(slot_cache *c)
{
    for (int64_t i = 0; c->past && i < c->slots; i++) session_close(&c->past[i].session);
    prefix_cache_close(&c->prefixes);
    if (c->pool) state_pool_leave(c->pool, c->promised);
    mem_free(c->path);
    mem_free(c->past);
    *c = (slot_cache){ 0 };
}

/* ---- what is shared ---- */

/* What the tree has of a prompt. At least one token is left to read, for its logits. */
static prefix_node *find_all(const slot_cache *c, const int32_t *prompt, int64_t count)
{
    return prefix_cache_find(&c->prefixes, prompt, count - 1);
}

/* What of it a sequence can begin with */
static prefix_node *find(const slot_cache *c, const int32_t *prompt, int64_t count)
{
    return prefix_resumable(find_all(c, prompt, count), c->pool);
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
            blocks += sequence_state_needs(&p->session.state, p->most - session_length(&p->session))
                          .of[STATE_WHOLE];
    }
    return blocks;
}

/* Whether the most that sequences hold at a time of layers with a window has room for another of so
 * many tokens. */
static bool admits_window(const slot_cache *c, int64_t most)
{
    int64_t window = c->pool->window, blocks = state_window_blocks(window, most, c->pass);
    for (int64_t i = 0; i < c->slots; i++)
        if (!c->past[i].left) blocks += state_window_blocks(window, c->past[i].most, c->pass);
    return !window || blocks <= c->promised.of[STATE_WINDOW];
}

/* Blocks that the request shares need not be promised to it, but then they may no longer be
 * evicted. */
bool slot_cache_admits(const slot_cache *c, const int32_t *prompt, int64_t count, int64_t most)
{
    const prefix_node *shared = find(c, prompt, count);
    int64_t spare =
        state_pool_room(c->pool, STATE_WHOLE) + slot_cache_idle_blocks(c) - still_promised(c);
    return admits_window(c, most) &&
           spare - prefix_path_unheld(shared) >= state_blocks(most) - prefix_depth(shared);
}

/* Begins with what the tree has up to this node. Its snapshot stays when the sequence that wrote it
 * goes on. */
static void begin_at(slot_cache *c, slot_past *p, const int32_t *prompt, prefix_node *node)
{
    const state_block *fixed = node->fixed;
    for (int64_t i = 0; fixed && i < c->slots; i++)
        if (c->past[i].newest == node) c->past[i].newest = NULL;
    if (fixed) prefix_cache_use_fixed(&c->prefixes, node);
    prefix_path_spans(node, c->path);
    session_begin(&p->session, prompt, c->path, node->depth * STATE_BLOCK,
        fixed ? state_block_fixed(fixed) : NULL);
}

/* A slot's session holds no more of the prompt than the tree does, except in its last block. */
void slot_cache_begin(
    slot_cache *c, int64_t slot, const int32_t *prompt, int64_t count, int64_t most)
{
    slot_past *p = &c->past[slot];
    prefix_node *all = find_all(c, prompt, count), *node = prefix_resumable(all, c->pool);
    int64_t in_tree = prefix_depth(node) * STATE_BLOCK,
            in_slot = session_shared(&p->session, prompt, count - 1);
    if (in_slot >= in_tree) {
        session_rewind(&p->session, in_slot);
        node = prefix_ancestor(all, in_slot / STATE_BLOCK);
    } else {
        begin_at(c, p, prompt, node);
    }
    prefix_cache_hold(&c->prefixes, node);
    p->prefix = node, p->newest = NULL, p->most = most, p->left = 0;
    p->mark[0] = prefix_depth(all), p->mark[1] = (count - 1) / STATE_BLOCK;
}

/* ---- windows that are kept ---- */

/* Keeps what there is of layers with a window between two depths of the path. */
static void keep_windows(slot_cache *c, const slot_past *p, int64_t from, int64_t to, bool marked)
{
    const sequence_state *s = &p->session.state;
    prefix_node *n = prefix_ancestor(p->prefix, to);
    from = from > s->dropped ? from : s->dropped;
    for (; n && n->depth > from; n = n->parent)
        prefix_cache_keep_window(
            &c->prefixes, n, s->span[n->depth - 1].block[STATE_WINDOW], marked);
}

/* What the token after so many full blocks sees. */
static void mark_window(slot_cache *c, const slot_past *p, int64_t depth)
{
    keep_windows(c, p, state_first_seen(c->pool->window, depth * STATE_BLOCK), depth, true);
}

/* ---- snapshots ---- */

static void keep_snapshot(slot_cache *c, const slot_past *p)
{
    state_block *b;
    while (!(b = state_pool_take(c->pool, STATE_FIXED)))
        if (!prefix_cache_evict_fixed(&c->prefixes)) return;
    sequence_state_save_fixed(&p->session.state, state_block_fixed(b));
    prefix_cache_keep_fixed(&c->prefixes, p->prefix, b);
}

/* Keeps a snapshot at the end of a block. In what is written, it takes the place of the last
 * one. */
static void keep_of_block(slot_cache *c, slot_past *p)
{
    int64_t depth = prefix_depth(p->prefix);
    bool marked = depth == p->mark[0] || depth == p->mark[1],
         reads = depth < p->mark[0] || depth < p->mark[1];
    if (!c->pool->fixed || !depth || session_length(&p->session) != depth * STATE_BLOCK) return;
    if (reads && !marked) return;
    if (!marked && p->newest) prefix_cache_drop_fixed(&c->prefixes, p->newest);
    if (!marked) p->newest = NULL;
    if (p->prefix->fixed) return;
    keep_snapshot(c, p);
    if (!marked) p->newest = p->prefix;
}

int64_t slot_cache_chunk(const slot_cache *c, int64_t slot, int64_t tokens)
{
    const slot_past *p = &c->past[slot];
    int64_t length = session_length(&p->session);
    for (int i = 0; i < 2 && c->pool->fixed && state_pool_shares(c->pool); i++) {
        int64_t left = p->mark[i] * STATE_BLOCK - length;
        if (left > 0) tokens = at_most(tokens, left);
    }
    return tokens;
}

/* The blocks of the marks that a pass has reached are all there after the pass. */
static void keep_of_pass(slot_cache *c, slot_past *p, int64_t depth_before)
{
    int64_t depth = prefix_depth(p->prefix);
    keep_of_block(c, p);
    if (c->pool->window) keep_windows(c, p, depth_before, depth, false);
    for (int i = 0; i < 2; i++) {
        if (!p->mark[i] || depth < p->mark[i]) continue;
        if (c->pool->window) mark_window(c, p, p->mark[i]);
        p->mark[i] = 0;
    }
}

/* A block that the tree has too is counted there. */
void slot_cache_leave(slot_cache *c, int64_t slot)
{
    slot_past *p = &c->past[slot];
    sequence_state *s = &p->session.state;
    int64_t full = prefix_depth(p->prefix);
    session_rewind(&p->session, s->length);
    if (c->pool->window) mark_window(c, p, full);
    if (s->held > full && state_block_is_shared(s->span[full].block[STATE_WHOLE]))
        session_rewind(&p->session, full * STATE_BLOCK);
    sequence_state_trim(s);
    prefix_cache_release(&c->prefixes, p->prefix);
    if (!s->held) p->prefix = NULL;
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

static bool lacks(const slot_cache *c, const sequence_state *s, int64_t tokens, state_kind kind)
{
    return state_pool_room(c->pool, kind) < sequence_state_needs(s, tokens).of[kind];
}

/* What the tree alone has goes first, then what free slots have. Last, blocks that a sequence
 * shares with the tree alone become its own, so that it need not copy one to write it. */
static bool make_window_room(slot_cache *c)
{
    return prefix_cache_evict_window(&c->prefixes, true) || forget_oldest_slot(c) ||
           prefix_cache_evict_window(&c->prefixes, false);
}

cadre_status slot_cache_reserve(slot_cache *c, int64_t slot, int64_t tokens)
{
    sequence_state *s = &c->past[slot].session.state;
    sequence_state_trim(s);
    while (lacks(c, s, tokens, STATE_WHOLE))
        if (!forget_oldest_slot(c) && !prefix_cache_evict(&c->prefixes)) break;
    while (lacks(c, s, tokens, STATE_WINDOW))
        if (!make_window_room(c)) break;
    return sequence_state_reserve(s, tokens);
}

void slot_cache_keep(slot_cache *c, int64_t slot)
{
    slot_past *p = &c->past[slot];
    session *s = &p->session;
    int64_t depth = prefix_depth(p->prefix);
    if (!state_pool_shares(c->pool)) return;
    for (int64_t i = depth; i < session_length(s) / STATE_BLOCK; i++) {
        state_block *own = s->state.span[i].block[STATE_WHOLE];
        p->prefix = prefix_cache_add(&c->prefixes, p->prefix, s->tokens + i * STATE_BLOCK, own);
        state_block *kept = p->prefix->span.block[STATE_WHOLE];
        if (kept != own) sequence_state_replace(&s->state, i, kept);
    }
    keep_of_pass(c, p, depth);
}
