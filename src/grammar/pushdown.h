/* pushdown.h - a network that reads bytes: where it may be, as states that are made when they are
 * first come to.
 *
 * A state is a list of places, each a node with the calls that it returns to. Places of which no
 * byte leads anywhere are never in it, so whatever has been read can be read on to an end. Where a
 * grammar is so ambiguous that more than PUSHDOWN_PLACES are possible, those that come later are
 * given up: what is read then is still of the grammar. States, and the steps between them, are
 * remembered; what they are does not depend on what else has been read. */
#ifndef CADRE_GRAMMAR_PUSHDOWN_H
#define CADRE_GRAMMAR_PUSHDOWN_H

#include "grammar/network.h"

enum { PUSHDOWN_PLACES = 512 };

typedef uint32_t state_id; /* 0: nothing of the grammar */

typedef struct pushdown_frame { /* what a call returns to */
    node_id node;
    uint32_t count; /* of a repeat, when it is back */
    uint32_t parent, depth;
} pushdown_frame;

typedef struct pushdown_place {
    node_id node;
    uint32_t frame; /* 0: none */
} pushdown_place;

typedef struct pushdown_state {
    uint32_t first, count; /* places */
    state_id *steps;       /* [256] where a byte leads, plus one; 0: not known. NULL: none is */
    bool ends;             /* what was read is whole */
    int32_t mask;          /* for grammar/token_mask.h: its place plus one */
} pushdown_state;

typedef struct pushdown_table {
    uint32_t *slots; /* [room] index + 1 */
    size_t room;     /* a power of two */
} pushdown_table;

typedef struct pushdown_item { /* what is still to be followed */
    node_id node;
    uint32_t count, frame;
} pushdown_item;

typedef struct pushdown {
    const network *network; /* borrowed */
    node_id root;
    pushdown_frame *frames;
    pushdown_place *places;
    pushdown_state *states;
    size_t frame_count, frame_room, place_count, place_room, state_count, state_room;
    pushdown_table frame_table, state_table;
    pushdown_item *todo, *seen;         /* of a closure */
    uint32_t *seen_slots, *seen_stamps; /* which were met */
    size_t todo_count, seen_count;
    uint32_t stamp;
    size_t step_rows;
    state_id start;
    cadre_status status; /* the first failure stays */
} pushdown;

/* network: measured */
cadre_status pushdown_open(pushdown *p, const network *n, node_id root);
void pushdown_close(pushdown *p);

/* Forgets all states but the start. */
void pushdown_forget(pushdown *p);
size_t pushdown_bytes(const pushdown *p); /* that states have come to take */

state_id pushdown_step_slowly(pushdown *p, state_id from, uint8_t byte);

static inline state_id pushdown_step(pushdown *p, state_id from, uint8_t byte)
{
    const state_id *steps = p->states[from].steps;
    if (steps && steps[byte]) return steps[byte] - 1;
    return pushdown_step_slowly(p, from, byte);
}

#endif
