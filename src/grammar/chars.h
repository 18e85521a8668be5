/* chars.h - deterministic automata over characters (code points): what a string may be, before it
 * is spelt in JSON. */
#ifndef CADRE_GRAMMAR_CHARS_H
#define CADRE_GRAMMAR_CHARS_H

#include "grammar/network.h"

enum { CHARS_STATES_MAX = 20000, CHARS_EDGES_MAX = 400000 };
enum { CHAR_LAST = 0x10ffff };

typedef struct chars_edge {
    uint32_t low, high; /* characters */
    uint32_t to;
} chars_edge;

typedef struct chars_state {
    uint32_t first, count; /* edges in order, which do not overlap */
    bool ends;
} chars_state;

typedef struct chars { /* zeroed: empty; state 0 is where it starts */
    chars_state *states;
    chars_edge *edges;
    size_t state_count, state_room, edge_count, edge_room;
} chars;

void chars_free(chars *c);

/* Edges are added to the state that was added last. Too many are CADRE_EUNSUPPORTED, in `name`. */
cadre_status chars_add_state(chars *c, const char *name, bool ends);
cadre_status chars_add_edge(chars *c, const char *name, chars_edge edge);

/* Any characters, min to max of them; max NETWORK_UNBOUNDED: or more. */
cadre_status chars_of_length(uint32_t min, uint32_t max, const char *name, chars *c);
/* What both a and b take. */
cadre_status chars_both(const chars *a, const chars *b, const char *name, chars *c);

/* All strings that `a` does not take. */
cadre_status chars_not(const chars *a, const char *name, chars *c);
/* Whether a string in UTF-8 is one of them; there is a state at least. */
bool chars_take(const chars *c, const char *text);

/* Any string but these. */
cadre_status chars_but(const char *const *strings, size_t count, const char *name, chars *c);

/* Strings up to the first place where `mark` stands in them, with it; they end nowhere else. An
 * empty mark: any strings, without an end. */
cadre_status chars_before(const char *mark, const char *name, chars *c);

/* Strings in which `mark` stands nowhere. An empty mark: any strings. */
cadre_status chars_without(const char *mark, const char *name, chars *c);

/* The strings as they are, in UTF-8: `found` follows where they end, and everywhere else `over`
 * may. */
node_id chars_as_text(const chars *c, network *n, node_id found, node_id over);

/* The strings as bytes of JSON between quotation marks, the closing one with them, then next. Each
 * character has one spelling: itself, or \" \\ \n and the like. Other control characters have none,
 * and are left out. */
node_id chars_in_json(const chars *c, network *n, node_id next);

#endif
