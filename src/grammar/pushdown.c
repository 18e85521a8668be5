/* pushdown.c - states of a network, made when they are first come to. */
#include "grammar/pushdown.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { SEEN = 8192, SEEN_SLOTS = 2 * SEEN }; /* that one closure may follow */
enum { ROWS = 4096, ROW_FROM = 6 }; /* of steps that are remembered; bytes that make one worth it */
enum { STATES_MOST = 1 << 20, FIRST_ROOM = 256 };

/* ---- tables of what there is: open addressing, at most half full ---- */

static uint32_t mix(uint32_t hash, uint32_t value)
{
    hash = (hash ^ value) * 0x9e3779b1u;
    return hash ^ hash >> 15;
}

static cadre_status table_grow(pushdown_table *t, size_t count)
{
    if (2 * (count + 1) < t->room) return CADRE_OK;
    size_t room = t->room ? 2 * t->room : FIRST_ROOM;
    uint32_t *slots = MEM_ARRAY(uint32_t, room);
    if (!slots) return CADRE_ENOMEM;
    mem_free(t->slots);
    *t = (pushdown_table){ slots, room };
    return CADRE_OK;
}

static void table_put(pushdown_table *t, uint32_t hash, uint32_t index)
{
    size_t at = hash & (t->room - 1);
    while (t->slots[at]) at = (at + 1) & (t->room - 1);
    t->slots[at] = index + 1;
}

/* ---- frames ---- */

static uint32_t frame_hash(const pushdown_frame *f)
{
    return mix(mix(mix(17, f->node), f->count), f->parent);
}

static bool frame_room(pushdown *p)
{
    void *frames = p->frames;
    size_t before = p->frame_table.room;
    if (p->status == CADRE_OK)
        p->status = buffer_grow(&frames, p->frame_count, &p->frame_room, 1, sizeof *p->frames);
    p->frames = frames;
    if (p->status == CADRE_OK) p->status = table_grow(&p->frame_table, p->frame_count);
    if (p->status != CADRE_OK) return false;
    for (uint32_t i = 1; p->frame_table.room != before && i < p->frame_count; i++)
        table_put(&p->frame_table, frame_hash(&p->frames[i]), i);
    return true;
}

static uint32_t frame_of(pushdown *p, node_id node, uint32_t count, uint32_t parent)
{
    pushdown_frame wanted = { node, count, parent, p->frames[parent].depth + 1 };
    if (!frame_room(p)) return 0;
    const pushdown_table *t = &p->frame_table;
    size_t at = frame_hash(&wanted) & (t->room - 1);
    for (; t->slots[at]; at = (at + 1) & (t->room - 1)) {
        const pushdown_frame *f = &p->frames[t->slots[at] - 1];
        if (f->node == node && f->count == count && f->parent == parent) return t->slots[at] - 1;
    }
    t->slots[at] = (uint32_t)p->frame_count + 1;
    p->frames[p->frame_count] = wanted;
    return (uint32_t)p->frame_count++;
}

/* ---- closure: what can be come to without a byte ---- */

static bool see(pushdown *p, pushdown_item item)
{
    size_t at = mix(mix(mix(3, item.node), item.count), item.frame) & (SEEN_SLOTS - 1);
    for (; p->seen_stamps[at] == p->stamp; at = (at + 1) & (SEEN_SLOTS - 1)) {
        const pushdown_item *other = &p->seen[p->seen_slots[at]];
        if (other->node == item.node && other->count == item.count && other->frame == item.frame)
            return false;
    }
    if (p->seen_count == SEEN) return false;
    p->seen_stamps[at] = p->stamp;
    p->seen_slots[at] = (uint32_t)p->seen_count;
    p->seen[p->seen_count++] = item;
    return true;
}

static void later(pushdown *p, node_id node, uint32_t count, uint32_t frame)
{
    pushdown_item item = { node, count, frame };
    const network_node *n = &p->network->nodes[node];
    bool finished = p->frames[frame].depth + n->depth <= NETWORK_DEPTH;
    if (finished && p->todo_count < SEEN) p->todo[p->todo_count++] = item;
}

static void call(pushdown *p, node_id callee, node_id back, uint32_t count, uint32_t frame)
{
    if (p->frames[frame].depth < NETWORK_DEPTH)
        later(p, callee, 0, frame_of(p, back, count, frame));
}

static void go_back(pushdown *p, uint32_t frame, pushdown_state *made)
{
    const pushdown_frame *f = &p->frames[frame];
    if (frame) later(p, f->node, f->count, f->parent);
    else made->ends = true;
}

/* A count matters up to where nothing more depends on it. */
static void follow_repeat(pushdown *p, const network_node *n, pushdown_item item)
{
    bool bounded = n->max != NETWORK_UNBOUNDED;
    uint32_t next = bounded || item.count < n->min ? item.count + 1 : item.count;
    if (item.count >= n->min) later(p, n->next, 0, item.frame);
    if (!bounded || item.count < n->max) call(p, n->callee, item.node, next, item.frame);
}

static void follow(pushdown *p, pushdown_item item, pushdown_state *made)
{
    const network_node *n = &p->network->nodes[item.node];
    switch ((network_kind)n->kind) {
    case NETWORK_BYTES:
        if (n->count && made->count < PUSHDOWN_PLACES)
            p->places[made->first + made->count++] = (pushdown_place){ item.node, item.frame };
        if (n->ends) go_back(p, item.frame, made);
        return;
    case NETWORK_SPLIT: /* the first is followed first */
        for (uint32_t i = n->count; i-- > 0;)
            later(p, p->network->edges[n->first + i].to, 0, item.frame);
        return;
    case NETWORK_CALL: /* nothing comes after a call at a piece's end */
        if (n->next == NETWORK_END) later(p, n->callee, 0, item.frame);
        else call(p, n->callee, n->next, 0, item.frame);
        return;
    case NETWORK_REPEAT: follow_repeat(p, n, item); return;
    }
}

/* ---- states ---- */

static uint32_t state_hash(const pushdown *p, const pushdown_state *s)
{
    uint32_t hash = s->ends;
    for (uint32_t i = 0; i < s->count; i++) {
        const pushdown_place *place = &p->places[s->first + i];
        hash = mix(mix(hash, place->node), place->frame);
    }
    return hash;
}

static bool same_state(const pushdown *p, const pushdown_state *a, const pushdown_state *b)
{
    return a->count == b->count && a->ends == b->ends &&
           memcmp(p->places + a->first, p->places + b->first, a->count * sizeof *p->places) == 0;
}

static bool state_room(pushdown *p)
{
    void *states = p->states, *places = p->places;
    size_t before = p->state_table.room;
    if (p->status == CADRE_OK && p->state_count >= STATES_MOST)
        p->status = cadre_fail(CADRE_EUNSUPPORTED, p->network->name,
            "expected a schema that is followed with %d states, found more", STATES_MOST);
    if (p->status == CADRE_OK)
        p->status = buffer_grow(&states, p->state_count, &p->state_room, 1, sizeof *p->states);
    p->states = states;
    if (p->status == CADRE_OK)
        p->status = buffer_grow(
            &places, p->place_count, &p->place_room, PUSHDOWN_PLACES, sizeof *p->places);
    p->places = places;
    if (p->status == CADRE_OK) p->status = table_grow(&p->state_table, p->state_count);
    if (p->status != CADRE_OK) return false;
    for (uint32_t i = 1; p->state_table.room != before && i < p->state_count; i++)
        table_put(&p->state_table, state_hash(p, &p->states[i]), i);
    return true;
}

/* The state that this is, which may be there already. */
static state_id intern(pushdown *p, pushdown_state made)
{
    if (!made.count && !made.ends) return 0;
    const pushdown_table *t = &p->state_table;
    size_t at = state_hash(p, &made) & (t->room - 1);
    for (; t->slots[at]; at = (at + 1) & (t->room - 1))
        if (same_state(p, &p->states[t->slots[at] - 1], &made)) return t->slots[at] - 1;
    t->slots[at] = (uint32_t)p->state_count + 1;
    p->states[p->state_count] = made;
    p->place_count += made.count;
    return (state_id)p->state_count++;
}

static void begin(pushdown *p)
{
    p->todo_count = p->seen_count = 0;
    if (++p->stamp == 0) {
        memset(p->seen_stamps, 0, SEEN_SLOTS * sizeof *p->seen_stamps);
        p->stamp = 1;
    }
}

/* Makes the state of the items that are to be done. */
static state_id close_over(pushdown *p)
{
    pushdown_state made = { .first = (uint32_t)p->place_count };
    if (!state_room(p)) return 0;
    while (p->todo_count) {
        pushdown_item item = p->todo[--p->todo_count];
        if (see(p, item)) follow(p, item, &made);
    }
    return p->status == CADRE_OK ? intern(p, made) : 0;
}

/* ---- steps ---- */

static const network_edge *edge_of(const network *n, const network_node *node, uint8_t byte)
{
    const network_edge *edges = n->edges + node->first;
    uint32_t low = 0, high = node->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (edges[middle].high < byte) low = middle + 1;
        else high = middle;
    }
    return low < node->count && edges[low].low <= byte ? &edges[low] : NULL;
}

static bool is_wide(const pushdown *p, const pushdown_state *s)
{
    int bytes = 0;
    for (uint32_t i = 0; i < s->count && bytes < ROW_FROM; i++) {
        const network_node *node = &p->network->nodes[p->places[s->first + i].node];
        for (uint32_t e = 0; e < node->count && bytes < ROW_FROM; e++) {
            const network_edge *edge = &p->network->edges[node->first + e];
            bytes += edge->high - edge->low + 1;
        }
    }
    return bytes >= ROW_FROM;
}

static void remember(pushdown *p, state_id from, uint8_t byte, state_id to)
{
    pushdown_state *s = &p->states[from];
    if (p->status != CADRE_OK) return;
    if (!s->steps && p->step_rows < ROWS && is_wide(p, s)) {
        s->steps = MEM_ARRAY(state_id, 256);
        if (s->steps) p->step_rows++;
        else p->status = CADRE_ENOMEM;
    }
    if (s->steps) s->steps[byte] = to + 1;
}

state_id pushdown_step_slowly(pushdown *p, state_id from, uint8_t byte)
{
    const pushdown_state *s = &p->states[from];
    begin(p);
    for (uint32_t i = s->count; i-- > 0;) {
        pushdown_place place = p->places[s->first + i];
        const network_edge *edge = edge_of(p->network, &p->network->nodes[place.node], byte);
        if (edge) later(p, edge->to, 0, place.frame);
    }
    state_id to = p->todo_count ? close_over(p) : 0;
    remember(p, from, byte, to);
    return to;
}

/* ---- opening and forgetting ---- */

static void find_start(pushdown *p)
{
    p->frame_count = p->state_count = 1; /* no call; nothing of the grammar */
    begin(p);
    later(p, p->root, 0, 0);
    p->start = close_over(p);
}

static cadre_status open_tables(pushdown *p)
{
    p->todo = MEM_ARRAY(pushdown_item, SEEN);
    p->seen = MEM_ARRAY(pushdown_item, SEEN);
    p->seen_slots = MEM_ARRAY(uint32_t, SEEN_SLOTS);
    p->seen_stamps = MEM_ARRAY(uint32_t, SEEN_SLOTS);
    if (!p->todo || !p->seen || !p->seen_slots || !p->seen_stamps) return CADRE_ENOMEM;
    void *frames = NULL, *states = NULL;
    CADRE_TRY(buffer_grow(&frames, 0, &p->frame_room, 1, sizeof *p->frames));
    p->frames = frames;
    CADRE_TRY(buffer_grow(&states, 0, &p->state_room, 1, sizeof *p->states));
    p->states = states;
    find_start(p);
    return p->status;
}

cadre_status pushdown_open(pushdown *p, const network *n, node_id root)
{
    *p = (pushdown){ .network = n, .root = root };
    cadre_status status = open_tables(p);
    if (status != CADRE_OK) pushdown_close(p);
    return status;
}

static void free_states(pushdown *p)
{
    for (size_t i = 0; i < p->state_count; i++) mem_free(p->states[i].steps);
    if (p->state_count) memset(p->states, 0, p->state_count * sizeof *p->states);
    p->state_count = p->step_rows = p->place_count = 0;
}

void pushdown_forget(pushdown *p)
{
    free_states(p);
    memset(p->frame_table.slots, 0, p->frame_table.room * sizeof *p->frame_table.slots);
    memset(p->state_table.slots, 0, p->state_table.room * sizeof *p->state_table.slots);
    find_start(p);
}

size_t pushdown_bytes(const pushdown *p)
{
    return p->frame_count * sizeof *p->frames + p->place_count * sizeof *p->places +
           p->state_count * sizeof *p->states + p->step_rows * 256 * sizeof(state_id);
}

void pushdown_close(pushdown *p)
{
    free_states(p);
    mem_free(p->states);
    mem_free(p->frames);
    mem_free(p->places);
    mem_free(p->frame_table.slots);
    mem_free(p->state_table.slots);
    mem_free(p->todo);
    mem_free(p->seen);
    mem_free(p->seen_slots);
    mem_free(p->seen_stamps);
    *p = (pushdown){ 0 };
}
