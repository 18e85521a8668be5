/* regex.c - from the tree to an automaton that guesses, and from that to one that does not. */
#include "grammar/regex.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "grammar/regex_look.h"
#include "grammar/regex_tree.h"
#include "text/table.h"

enum { GUESSING_MAX = 20000 }; /* nodes */

/* A node takes a character of its set and goes to `to`, or none and goes to both. */
typedef struct guess_node {
    uint32_t first, count; /* ranges; count 0: takes no character */
    uint32_t to, other;    /* 0: nowhere */
} guess_node;

typedef struct building {
    const regex_tree *t;
    const char *name;
    guess_node *nodes;
    size_t node_count, node_room;
    int64_t *work;   /* steps that are left */
    string_set sets; /* of nodes: the states */
    chars *made;
    uint32_t *marks, *todo, *list; /* [nodes] */
    uint32_t mark;
    size_t list_count;
    uint32_t *cuts; /* where ranges of a state begin, and where they have ended */
    size_t cut_count, cut_room;
} building;

enum { NOWHERE, ACCEPT }; /* nodes */

static cadre_status spend(building *b, int64_t work)
{
    *b->work -= work;
    if (*b->work >= 0) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, b->name,
        "expected a pattern that is simple to follow, found one that needs too many states");
}

/* ---- from the tree ---- */

static cadre_status add(building *b, guess_node node, uint32_t *made)
{
    void *nodes = b->nodes;
    if (b->node_count >= GUESSING_MAX) return spend(b, *b->work + 1);
    CADRE_TRY(buffer_grow(&nodes, b->node_count, &b->node_room, 1, sizeof *b->nodes));
    b->nodes = nodes;
    *made = (uint32_t)b->node_count;
    b->nodes[b->node_count++] = node;
    return CADRE_OK;
}

static cadre_status emit(building *b, uint32_t index, uint32_t *next);

/* *next: what follows, then where it begins. */
static cadre_status emit_repeat(building *b, const regex_node *n, uint32_t *next)
{
    uint32_t after = *next, inside;
    if (n->max == REGEX_UNBOUNDED) {
        CADRE_TRY(add(b, (guess_node){ .other = after }, next));
        inside = *next;
        CADRE_TRY(emit(b, n->child, &inside));
        b->nodes[*next].to = inside;
    }
    for (uint32_t i = n->min; n->max != REGEX_UNBOUNDED && i < n->max; i++) {
        inside = *next;
        CADRE_TRY(emit(b, n->child, &inside));
        CADRE_TRY(add(b, (guess_node){ .to = inside, .other = after }, next));
    }
    for (uint32_t i = 0; i < n->min; i++) CADRE_TRY(emit(b, n->child, next));
    return CADRE_OK;
}

static cadre_status emit_choice(building *b, const regex_node *n, uint32_t *next)
{
    uint32_t after = *next, begun = NOWHERE;
    for (uint32_t child = n->child; child; child = b->t->nodes[child].sibling) {
        uint32_t inside = after;
        CADRE_TRY(emit(b, child, &inside));
        CADRE_TRY(add(b, (guess_node){ .to = inside, .other = begun }, &begun));
    }
    *next = begun;
    return CADRE_OK;
}

static cadre_status emit(building *b, uint32_t index, uint32_t *next)
{
    const regex_node *n = &b->t->nodes[index];
    CADRE_TRY(spend(b, 1));
    switch (n->kind) {
    case REGEX_SET:
        if (!n->count) return *next = NOWHERE, CADRE_OK;
        return add(b, (guess_node){ .first = n->first, .count = n->count, .to = *next }, next);
    case REGEX_SEQUENCE:
        for (uint32_t child = n->child; child; child = b->t->nodes[child].sibling)
            CADRE_TRY(emit(b, child, next));
        return CADRE_OK;
    case REGEX_CHOICE: return emit_choice(b, n, next);
    case REGEX_REPEAT: return emit_repeat(b, n, next);
    }
    return CADRE_OK;
}

/* ---- without guessing ---- */

static void begin_set(building *b)
{
    b->mark++;
    b->list_count = 0;
}

/* The node, and what is come to from it without a character. */
static cadre_status reach(building *b, uint32_t node)
{
    size_t count = 0;
    if (node && b->marks[node] != b->mark) b->todo[count++] = node, b->marks[node] = b->mark;
    while (count) {
        uint32_t at = b->todo[--count];
        const guess_node *n = &b->nodes[at];
        uint32_t both[2] = { n->to, n->other };
        CADRE_TRY(spend(b, 1));
        if (n->count || at == ACCEPT) b->list[b->list_count++] = at;
        for (int i = 0; !n->count && i < 2; i++)
            if (both[i] && b->marks[both[i]] != b->mark)
                b->todo[count++] = both[i], b->marks[both[i]] = b->mark;
    }
    return CADRE_OK;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The set's state; -1 in *place: of no node, which is no state. */
static cadre_status end_set(building *b, int64_t *place)
{
    uint32_t found;
    bool was_there;
    *place = -1;
    if (!b->list_count) return CADRE_OK;
    CADRE_TRY(spend(b, (int64_t)b->list_count));
    qsort(b->list, b->list_count, sizeof *b->list, by_number);
    CADRE_TRY(string_set_add(
        &b->sets, (const char *)b->list, b->list_count * sizeof *b->list, &found, &was_there));
    *place = found;
    return CADRE_OK;
}

static cadre_status add_cut(building *b, uint32_t at)
{
    void *cuts = b->cuts;
    CADRE_TRY(buffer_grow(&cuts, b->cut_count, &b->cut_room, 1, sizeof *b->cuts));
    b->cuts = cuts;
    b->cuts[b->cut_count++] = at;
    return CADRE_OK;
}

static cadre_status find_cuts(building *b, const uint32_t *set, size_t count)
{
    b->cut_count = 0;
    for (size_t i = 0; i < count; i++) {
        const guess_node *n = &b->nodes[set[i]];
        for (uint32_t k = 0; k < n->count; k++) {
            CADRE_TRY(add_cut(b, b->t->ranges[n->first + k].low));
            CADRE_TRY(add_cut(b, b->t->ranges[n->first + k].high + 1));
        }
    }
    CADRE_TRY(spend(b, (int64_t)b->cut_count));
    if (b->cut_count) qsort(b->cuts, b->cut_count, sizeof *b->cuts, by_number);
    size_t kept = 0;
    for (size_t i = 0; i < b->cut_count; i++)
        if (!kept || b->cuts[kept - 1] != b->cuts[i]) b->cuts[kept++] = b->cuts[i];
    b->cut_count = kept;
    return CADRE_OK;
}

static bool takes(const building *b, const guess_node *n, uint32_t character)
{
    const regex_range *ranges = b->t->ranges + n->first;
    uint32_t low = 0, high = n->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (ranges[middle].high < character) low = middle + 1;
        else high = middle;
    }
    return low < n->count && ranges[low].low <= character;
}

static cadre_status add_edge(building *b, uint32_t low, uint32_t high, int64_t to)
{
    chars *c = b->made;
    chars_state *s = &c->states[c->state_count - 1];
    chars_edge *last = s->count ? &c->edges[c->edge_count - 1] : NULL;
    if (to < 0) return CADRE_OK;
    if (!last || last->to != to || last->high + 1 != low)
        return chars_add_edge(c, b->name, (chars_edge){ low, high, (uint32_t)to });
    last->high = high;
    return CADRE_OK;
}

static cadre_status add_edges(building *b, const uint32_t *set, size_t count)
{
    CADRE_TRY(find_cuts(b, set, count));
    for (size_t i = 0; i + 1 < b->cut_count; i++) {
        int64_t to;
        begin_set(b);
        CADRE_TRY(spend(b, (int64_t)count));
        for (size_t k = 0; k < count; k++) {
            const guess_node *n = &b->nodes[set[k]];
            if (n->count && takes(b, n, b->cuts[i])) CADRE_TRY(reach(b, n->to));
        }
        CADRE_TRY(end_set(b, &to));
        CADRE_TRY(add_edge(b, b->cuts[i], b->cuts[i + 1] - 1, to));
    }
    return CADRE_OK;
}

/* What is in the set is copied, as sets move when one is added. */
static cadre_status add_state(building *b, uint32_t place, uint32_t *set)
{
    string_view bytes = string_set_at(&b->sets, place);
    size_t count = bytes.size / sizeof *set;
    bool ends = false;
    memcpy(set, bytes.data, bytes.size);
    for (size_t i = 0; i < count; i++) ends |= set[i] == ACCEPT;
    CADRE_TRY(chars_add_state(b->made, b->name, ends));
    return add_edges(b, set, count);
}

static cadre_status decide(building *b, uint32_t start, uint32_t *set)
{
    int64_t place;
    begin_set(b);
    CADRE_TRY(reach(b, start));
    CADRE_TRY(end_set(b, &place));
    if (place < 0) return chars_add_state(b->made, b->name, false); /* takes nothing */
    for (uint32_t i = 0; i < b->sets.count; i++) CADRE_TRY(add_state(b, i, set));
    return CADRE_OK;
}

static cadre_status build(building *b)
{
    uint32_t start = ACCEPT, none;
    CADRE_TRY(add(b, (guess_node){ 0 }, &none));
    CADRE_TRY(add(b, (guess_node){ 0 }, &none));
    CADRE_TRY(emit(b, b->t->root, &start));
    uint32_t *memory = MEM_ARRAY(uint32_t, 4 * b->node_count);
    if (!memory) return CADRE_ENOMEM;
    b->marks = memory, b->todo = memory + b->node_count, b->list = memory + 2 * b->node_count;
    cadre_status status = decide(b, start, memory + 3 * b->node_count);
    mem_free(memory);
    return status;
}

static cadre_status read_plain(
    const char *pattern, size_t size, bool begun, const char *name, int64_t *work, chars *c)
{
    regex_tree t;
    building b = { .t = &t, .name = name, .work = work, .made = c };
    *c = (chars){ 0 };
    cadre_status status = regex_tree_read(pattern, size, name, begun, &t);
    if (status == CADRE_OK) status = build(&b);
    mem_free(b.nodes);
    mem_free(b.cuts);
    string_set_free(&b.sets);
    regex_tree_free(&t);
    return status;
}

/* ---- conditions at the beginning ---- */

/* Those of *c, which it replaces, for which the condition holds too. */
static cadre_status take_condition(
    const regex_look *look, const char *name, int64_t *work, chars *c)
{
    chars begins = { 0 }, others = { 0 }, both = { 0 };
    cadre_status status = read_plain(look->pattern, look->size, true, name, work, &begins);
    if (status == CADRE_OK && look->never) status = chars_not(&begins, name, &others);
    if (status == CADRE_OK) status = chars_both(c, look->never ? &others : &begins, name, &both);
    *work -= (int64_t)(both.state_count + both.edge_count);
    chars_free(&begins);
    chars_free(&others);
    chars_free(c);
    *c = both;
    return status;
}

cadre_status regex_read(const char *pattern, size_t size, const char *name, int64_t *work, chars *c)
{
    regex_look look;
    size_t rest = 0, at = 0;
    while (regex_look_next(pattern, size, &rest, &look)) continue;
    if (!rest || regex_is_choice(pattern + rest, size - rest))
        return read_plain(pattern, size, false, name, work, c);
    cadre_status status = read_plain(pattern + rest, size - rest, true, name, work, c);
    while (status == CADRE_OK && regex_look_next(pattern, size, &at, &look))
        status = take_condition(&look, name, work, c);
    return status;
}
