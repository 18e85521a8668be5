/* chars.c - automata over characters, and their spelling in bytes. */
#include "grammar/chars.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/utf8.h"

void chars_free(chars *c)
{
    mem_free(c->states);
    mem_free(c->edges);
    *c = (chars){ 0 };
}

static cadre_status too_large(const char *name)
{
    return cadre_fail(CADRE_EUNSUPPORTED, name,
        "expected strings that %d states describe, found a pattern or lengths that need more",
        CHARS_STATES_MAX);
}

cadre_status chars_add_state(chars *c, const char *name, bool ends)
{
    void *states = c->states;
    if (c->state_count >= CHARS_STATES_MAX) return too_large(name);
    CADRE_TRY(buffer_grow(&states, c->state_count, &c->state_room, 1, sizeof *c->states));
    c->states = states;
    c->states[c->state_count++] = (chars_state){ .first = (uint32_t)c->edge_count, .ends = ends };
    return CADRE_OK;
}

cadre_status chars_add_edge(chars *c, const char *name, chars_edge edge)
{
    void *edges = c->edges;
    if (c->edge_count >= CHARS_EDGES_MAX) return too_large(name);
    CADRE_TRY(buffer_grow(&edges, c->edge_count, &c->edge_room, 1, sizeof *c->edges));
    c->edges = edges;
    c->edges[c->edge_count++] = edge;
    c->states[c->state_count - 1].count++;
    return CADRE_OK;
}

cadre_status chars_of_length(uint32_t min, uint32_t max, const char *name, chars *c)
{
    uint32_t last = max == NETWORK_UNBOUNDED ? min : max;
    *c = (chars){ 0 };
    for (uint32_t i = 0; i <= last; i++) {
        bool more = i < last || max == NETWORK_UNBOUNDED;
        CADRE_TRY(chars_add_state(c, name, i >= min));
        if (more)
            CADRE_TRY(
                chars_add_edge(c, name, (chars_edge){ 0, CHAR_LAST, i < last ? i + 1 : last }));
    }
    return CADRE_OK;
}

/* ---- any string but some ---- */

/* A trie of the strings, which come in order: only the last child of a node can be met again. */
typedef struct name_node {
    uint32_t character, child, last, sibling; /* 0: none */
    bool ends;
} name_node;

typedef struct name_trie {
    name_node *nodes;
    size_t count, room;
} name_trie;

static cadre_status child_of(name_trie *t, uint32_t *at, uint32_t character, const char *name)
{
    void *nodes = t->nodes;
    uint32_t last = t->count ? t->nodes[*at].last : 0, made = (uint32_t)t->count;
    if (last && t->nodes[last].character == character) return *at = last, CADRE_OK;
    if (t->count > CHARS_STATES_MAX) return too_large(name);
    CADRE_TRY(buffer_grow(&nodes, t->count, &t->room, 1, sizeof *t->nodes));
    t->nodes = nodes;
    t->nodes[t->count++] = (name_node){ .character = character };
    if (!made) return CADRE_OK; /* the root */
    if (last) t->nodes[last].sibling = made;
    else t->nodes[*at].child = made;
    t->nodes[*at].last = made;
    return *at = made, CADRE_OK;
}

static cadre_status add_name(name_trie *t, const char *text, const char *name)
{
    uint32_t at = 0, character;
    for (size_t size = strlen(text), length; size; text += length, size -= length) {
        length = utf8_decode(text, size, &character);
        if (!length) return cadre_fail(CADRE_EFORMAT, name, "expected names in UTF-8");
        CADRE_TRY(child_of(t, &at, character, name));
    }
    t->nodes[at].ends = true;
    return CADRE_OK;
}

/* The trie's nodes, and behind them a state in which the string is none of them. */
static cadre_status write_names(const name_trie *t, const char *name, chars *c)
{
    uint32_t other = (uint32_t)t->count;
    for (size_t i = 0; i < t->count; i++) {
        uint32_t next = 0;
        CADRE_TRY(chars_add_state(c, name, !t->nodes[i].ends));
        for (uint32_t k = t->nodes[i].child; k; k = t->nodes[k].sibling) {
            uint32_t at = t->nodes[k].character;
            if (at > next) CADRE_TRY(chars_add_edge(c, name, (chars_edge){ next, at - 1, other }));
            CADRE_TRY(chars_add_edge(c, name, (chars_edge){ at, at, k }));
            next = at + 1;
        }
        CADRE_TRY(chars_add_edge(c, name, (chars_edge){ next, CHAR_LAST, other }));
    }
    CADRE_TRY(chars_add_state(c, name, true));
    return chars_add_edge(c, name, (chars_edge){ 0, CHAR_LAST, other });
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

cadre_status chars_but(const char *const *strings, size_t count, const char *name, chars *c)
{
    name_trie t = { 0 };
    uint32_t root = 0;
    *c = (chars){ 0 };
    const char **sorted = MEM_ARRAY(const char *, count);
    cadre_status status = sorted ? child_of(&t, &root, 0, name) : CADRE_ENOMEM;
    for (size_t i = 0; status == CADRE_OK && i < count; i++) sorted[i] = strings[i];
    if (status == CADRE_OK && count) qsort(sorted, count, sizeof *sorted, by_text);
    for (size_t i = 0; i < count && status == CADRE_OK; i++) status = add_name(&t, sorted[i], name);
    if (status == CADRE_OK) status = write_names(&t, name, c);
    mem_free(sorted);
    mem_free(t.nodes);
    return status;
}

/* ---- up to a mark ---- */

enum { MARK_MOST = 64 };

/* How much of the mark has been read when `read` of it were and then this character. */
static uint32_t read_after(const uint32_t *mark, uint32_t read, uint32_t character)
{
    for (uint32_t size = read + 1; size > 0; size--) { /* the mark's first `size` end the text */
        bool same = mark[size - 1] == character;
        for (uint32_t i = 0; same && i + 1 < size; i++) same = mark[i] == mark[read + 1 - size + i];
        if (same) return size;
    }
    return 0;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static cadre_status mark_edges(
    const uint32_t *mark, const uint32_t *sorted, uint32_t count, uint32_t read, chars *c)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = sorted[i];
        if (i && sorted[i - 1] == at) continue;
        if (at > next) CADRE_TRY(chars_add_edge(c, NULL, (chars_edge){ next, at - 1, 0 }));
        CADRE_TRY(chars_add_edge(c, NULL, (chars_edge){ at, at, read_after(mark, read, at) }));
        next = at + 1;
    }
    return chars_add_edge(c, NULL, (chars_edge){ next, CHAR_LAST, 0 });
}

cadre_status chars_before(const char *mark, const char *name, chars *c)
{
    uint32_t list[MARK_MOST], sorted[MARK_MOST], count = 0;
    *c = (chars){ 0 };
    for (size_t size = strlen(mark), length; size && count < MARK_MOST; mark += length) {
        length = utf8_decode(mark, size, &list[count++]);
        if (!length) return cadre_fail(CADRE_EFORMAT, name, "expected a mark in UTF-8");
        size -= length;
    }
    memcpy(sorted, list, count * sizeof *list);
    if (count) qsort(sorted, count, sizeof *sorted, by_value);
    for (uint32_t read = 0; read < count || !read; read++) {
        CADRE_TRY(chars_add_state(c, name, false));
        CADRE_TRY(mark_edges(list, sorted, count, read, c));
    }
    return count ? chars_add_state(c, name, true) : CADRE_OK;
}

/* The same automaton, without the way to the whole mark. */
cadre_status chars_without(const char *mark, const char *name, chars *c)
{
    chars before;
    cadre_status status = chars_before(mark, name, &before);
    uint32_t whole = *mark ? (uint32_t)before.state_count - 1 : UINT32_MAX;
    *c = (chars){ 0 };
    for (size_t i = 0; i < before.state_count && i != whole && status == CADRE_OK; i++) {
        const chars_state *state = &before.states[i];
        status = chars_add_state(c, name, true);
        for (uint32_t k = 0; k < state->count && status == CADRE_OK; k++)
            if (before.edges[state->first + k].to != whole)
                status = chars_add_edge(c, name, before.edges[state->first + k]);
    }
    chars_free(&before);
    return status;
}

/* ---- both ---- */

typedef struct pairing {
    const chars *a, *b;
    const char *name;
    chars *made;
    uint32_t *pairs; /* [states of a x states of b] place plus one; 0: not met */
    uint64_t *list;  /* [made states] */
    size_t count, room;
} pairing;

static cadre_status pair_of(pairing *p, uint32_t a, uint32_t b, uint32_t *place)
{
    size_t at = (size_t)a * p->b->state_count + b;
    void *list = p->list;
    if (!p->pairs[at]) {
        CADRE_TRY(buffer_grow(&list, p->count, &p->room, 1, sizeof *p->list));
        p->list = list;
        p->list[p->count++] = (uint64_t)a << 32 | b;
        p->pairs[at] = (uint32_t)p->count;
    }
    *place = p->pairs[at] - 1;
    return CADRE_OK;
}

static cadre_status pair_edges(pairing *p, const chars_state *a, const chars_state *b)
{
    for (uint32_t i = 0, k = 0; i < a->count && k < b->count;) {
        const chars_edge *x = &p->a->edges[a->first + i], *y = &p->b->edges[b->first + k];
        chars_edge both = { x->low > y->low ? x->low : y->low,
            x->high < y->high ? x->high : y->high, 0 };
        if (both.low <= both.high) {
            CADRE_TRY(pair_of(p, x->to, y->to, &both.to));
            CADRE_TRY(chars_add_edge(p->made, p->name, both));
        }
        if (x->high < y->high) i++;
        else k++;
    }
    return CADRE_OK;
}

static cadre_status pair_up(pairing *p)
{
    uint32_t place;
    CADRE_TRY(pair_of(p, 0, 0, &place));
    for (size_t i = 0; i < p->count; i++) {
        const chars_state *a = &p->a->states[p->list[i] >> 32],
                          *b = &p->b->states[(uint32_t)p->list[i]];
        CADRE_TRY(chars_add_state(p->made, p->name, a->ends && b->ends));
        CADRE_TRY(pair_edges(p, a, b));
    }
    return CADRE_OK;
}

cadre_status chars_both(const chars *a, const chars *b, const char *name, chars *c)
{
    enum { PAIRS_MOST = 1 << 24 };
    *c = (chars){ 0 };
    if (a->state_count * b->state_count > PAIRS_MOST) return too_large(name);
    pairing p = { .a = a,
        .b = b,
        .name = name,
        .made = c,
        .pairs = MEM_ARRAY(uint32_t, a->state_count * b->state_count) };
    cadre_status status = p.pairs ? pair_up(&p) : CADRE_ENOMEM;
    mem_free(p.pairs);
    mem_free(p.list);
    return status;
}

/* ---- none of them ---- */

cadre_status chars_not(const chars *a, const char *name, chars *c)
{
    uint32_t other = (uint32_t)a->state_count;
    *c = (chars){ 0 };
    for (size_t i = 0; i < a->state_count; i++) {
        const chars_state *s = &a->states[i];
        uint32_t next = 0;
        CADRE_TRY(chars_add_state(c, name, !s->ends));
        for (uint32_t k = 0; k < s->count; k++) {
            chars_edge e = a->edges[s->first + k];
            if (e.low > next)
                CADRE_TRY(chars_add_edge(c, name, (chars_edge){ next, e.low - 1, other }));
            CADRE_TRY(chars_add_edge(c, name, e));
            next = e.high + 1;
        }
        if (next <= CHAR_LAST)
            CADRE_TRY(chars_add_edge(c, name, (chars_edge){ next, CHAR_LAST, other }));
    }
    CADRE_TRY(chars_add_state(c, name, true));
    return chars_add_edge(c, name, (chars_edge){ 0, CHAR_LAST, other });
}

bool chars_take(const chars *c, const char *text)
{
    const chars_state *s = c->states;
    uint32_t character;
    for (size_t size = strlen(text), length; size; text += length, size -= length) {
        const chars_edge *edges = c->edges + s->first;
        uint32_t low = 0, high = s->count;
        length = utf8_decode(text, size, &character);
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            if (edges[middle].high < character) low = middle + 1;
            else high = middle;
        }
        if (!length || low == s->count || edges[low].low > character) return false;
        s = &c->states[edges[low].to];
    }
    return s->ends;
}

/* ---- in JSON ---- */

typedef struct spelling {
    const chars *c;
    network *n;
    node_id *places;   /* [states] */
    node_id *tails[3]; /* [states] one to three more bytes of any character, then the state; 0:
                          not made */
    const chars_state *state;
} spelling;

/* Any character's last `bytes` bytes, then the state. */
static node_id tail(spelling *s, uint32_t to, int bytes)
{
    if (bytes == 0) return s->places[to];
    node_id *made = &s->tails[bytes - 1][to];
    if (*made) return *made;
    node_id after = tail(s, to, bytes - 1);
    return *made = network_bytes(s->n, &(network_edge){ 0x80, 0xbf, after }, 1, false);
}

/* The state's first edge that reaches the character or lies after it. */
static const chars_edge *edge_from(const spelling *s, uint32_t character)
{
    const chars_edge *edges = s->c->edges + s->state->first;
    uint32_t low = 0, high = s->state->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (edges[middle].high < character) low = middle + 1;
        else high = middle;
    }
    return low < s->state->count ? &edges[low] : NULL;
}

static void put_edge(network_edge *list, size_t *count, uint8_t byte, node_id to)
{
    if (to == NETWORK_DEAD) return;
    if (*count && list[*count - 1].to == to && list[*count - 1].high + 1 == byte)
        list[*count - 1].high = byte;
    else list[(*count)++] = (network_edge){ byte, byte, to };
}

static node_id block(spelling *s, uint32_t base, int bytes, uint32_t least);

/* The characters base .. base + 64^bytes - 1, whose last bytes are still to come; what is below
 * `least` has a shorter spelling, and surrogates have none. */
static node_id part(spelling *s, uint32_t base, int bytes, uint32_t least)
{
    uint32_t last = base + (1u << 6 * bytes) - 1;
    uint32_t first = base < least ? least : base;
    if (last < least || base > CHAR_LAST || (base >= 0xd800 && last <= 0xdfff)) return NETWORK_DEAD;
    const chars_edge *e = edge_from(s, first);
    bool surrogates = last >= 0xd800 && base <= 0xdfff;
    if (!e || e->low > last) return NETWORK_DEAD;
    if (first == base && !surrogates && e->low <= base && e->high >= last)
        return tail(s, e->to, bytes);
    return bytes ? block(s, base, bytes, least) : NETWORK_DEAD;
}

static node_id block(spelling *s, uint32_t base, int bytes, uint32_t least)
{
    network_edge list[64];
    size_t count = 0;
    for (uint32_t i = 0; i < 64; i++)
        put_edge(list, &count, (uint8_t)(0x80 + i),
            part(s, base + (i << 6 * (bytes - 1)), bytes - 1, least));
    return network_bytes(s->n, list, count, false);
}

static node_id one(spelling *s, uint32_t character) { return part(s, character, 0, 0); }

static node_id escapes(spelling *s)
{
    static const char letters[] = "\"\\bfnrt", characters[] = "\"\\\b\f\n\r\t";
    network_edge list[7];
    size_t count = 0;
    for (int i = 0; i < 7; i++)
        put_edge(list, &count, (uint8_t)letters[i], one(s, (uint8_t)characters[i]));
    return count ? network_bytes(s->n, list, count, false) : NETWORK_DEAD;
}

/* Edges of the characters of two bytes and more. */
static void spell_long(spelling *s, network_edge *list, size_t *count)
{
    for (uint32_t b = 0xc2; b < 0xe0; b++)
        put_edge(list, count, (uint8_t)b, part(s, (b - 0xc0) << 6, 1, 0x80));
    for (uint32_t b = 0xe0; b < 0xf0; b++)
        put_edge(list, count, (uint8_t)b, part(s, (b - 0xe0) << 12, 2, 0x800));
    for (uint32_t b = 0xf0; b < 0xf5; b++)
        put_edge(list, count, (uint8_t)b, part(s, (b - 0xf0) << 18, 3, 0x10000));
}

static void spell_state(spelling *s, uint32_t index, node_id next)
{
    network_edge list[256];
    size_t count = 0;
    s->state = &s->c->states[index];
    for (uint32_t b = 0x20; b < 0x80; b++) {
        if (b == '"') put_edge(list, &count, '"', s->state->ends ? next : NETWORK_DEAD);
        else put_edge(list, &count, (uint8_t)b, b == '\\' ? escapes(s) : one(s, b));
    }
    spell_long(s, list, &count);
    network_join_bytes(s->n, s->places[index], list, count, false);
}

static node_id spell(spelling *s, node_id next)
{
    for (size_t i = 0; i < s->c->state_count; i++) s->places[i] = network_place(s->n);
    for (uint32_t i = 0; i < s->c->state_count && s->n->status == CADRE_OK; i++)
        spell_state(s, i, next);
    return s->places[0];
}

/* As they are; `next` is followed where the strings end, `over` elsewhere. */
static void spell_text_state(spelling *s, uint32_t index, node_id next, node_id over)
{
    network_edge list[256];
    size_t count = 0;
    s->state = &s->c->states[index];
    if (s->state->ends && !s->state->count) {
        network_join(s->n, s->places[index], next);
        return;
    }
    for (uint32_t b = 0; b < 0x80; b++) put_edge(list, &count, (uint8_t)b, one(s, b));
    spell_long(s, list, &count);
    node_id bytes = network_bytes(s->n, list, count, false);
    network_join_split(
        s->n, s->places[index], (node_id[]){ bytes, s->state->ends ? next : over }, 2);
}

static node_id spell_text(spelling *s, node_id next, node_id over)
{
    for (size_t i = 0; i < s->c->state_count; i++) s->places[i] = network_place(s->n);
    for (uint32_t i = 0; i < s->c->state_count && s->n->status == CADRE_OK; i++)
        spell_text_state(s, i, next, over);
    return s->places[0];
}

static bool open_spelling(const chars *c, network *n, spelling *s)
{
    node_id *memory = MEM_ARRAY(node_id, 4 * c->state_count);
    *s = (spelling){ .c = c, .n = n, .places = memory };
    for (int i = 0; memory && i < 3; i++) s->tails[i] = memory + (size_t)(i + 1) * c->state_count;
    if (!memory && n->status == CADRE_OK) n->status = CADRE_ENOMEM;
    return memory;
}

node_id chars_in_json(const chars *c, network *n, node_id next)
{
    spelling s;
    if (!open_spelling(c, n, &s)) return NETWORK_DEAD;
    node_id first = spell(&s, next);
    mem_free(s.places);
    return first;
}

node_id chars_as_text(const chars *c, network *n, node_id found, node_id over)
{
    spelling s;
    if (!open_spelling(c, n, &s)) return NETWORK_DEAD;
    node_id first = spell_text(&s, found, over);
    mem_free(s.places);
    return first;
}
