/* network.h - a grammar of bytes as a network of nodes, some of which call others: a recursive
 * transition network.
 *
 * It is put together from its end: whoever makes a piece is given the node that follows it, and
 * returns the piece's first node. Nodes that are needed before they can be made (a schema that
 * holds itself) are places, joined later.
 *
 *     "true" then next:      [t] -> [r] -> [u] -> [e] -> next
 *     a value, then next:    call(value) -> next          value's nodes lead to NETWORK_END
 *     0 to 3 of a piece:     repeat(piece, 0, 3) -> next
 *
 * The first failure (no memory, too many nodes) stays in `status`; what is made after it is of no
 * use, and harmless. */
#ifndef CADRE_GRAMMAR_NETWORK_H
#define CADRE_GRAMMAR_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef uint32_t node_id;

enum { NETWORK_DEAD, NETWORK_END }; /* nodes of every network: nothing follows; the piece is over */
enum { NETWORK_NODES_MAX = 400000, NETWORK_EDGES_MAX = 1000000 };
enum { NETWORK_WORK_MAX = 20000000 }; /* steps of making automata of strings, together */
enum { NETWORK_DEPTH = 96, NETWORK_NEVER = 255 }; /* calls in each other; what cannot be finished */
#define NETWORK_UNBOUNDED UINT32_MAX

typedef enum network_kind {
    NETWORK_BYTES,
    NETWORK_SPLIT,
    NETWORK_CALL,
    NETWORK_REPEAT
} network_kind;

typedef struct network_edge {
    uint8_t low, high; /* bytes */
    node_id to;
} network_edge;

typedef struct network_node {
    uint8_t kind;
    bool ends;     /* BYTES: the piece may be over here */
    uint8_t depth; /* calls in each other that it takes to get to the end, see network_measure */
    uint32_t first, count; /* BYTES: edges in order; SPLIT: edges whose bytes do not count */
    node_id callee, next;  /* CALL, REPEAT */
    uint32_t min, max;     /* REPEAT */
} network_node;

typedef struct network { /* zeroed: to be opened */
    network_node *nodes;
    network_edge *edges;
    size_t node_count, node_room, edge_count, edge_room;
    int64_t work;     /* of NETWORK_WORK_MAX, what is left */
    const char *name; /* for errors; borrowed */
    cadre_status status;
} network;

cadre_status network_open(network *n, const char *name);
void network_free(network *n);

/* Edges in the order of their bytes, which do not overlap. */
node_id network_bytes(network *n, const network_edge *edges, size_t count, bool ends);
node_id network_byte(network *n, uint8_t byte, node_id next);
node_id network_text(network *n, const char *text, size_t size, node_id next);
node_id network_split(network *n, const node_id *targets, size_t count);
node_id network_either(network *n, node_id a, node_id b);
node_id network_call(network *n, node_id callee, node_id next);
/* The callee, which is never empty, again and again. */
node_id network_repeat(network *n, node_id callee, uint32_t min, uint32_t max, node_id next);

/* A node that is made later. */
node_id network_place(network *n);
void network_join(network *n, node_id place, node_id target);
void network_join_split(network *n, node_id place, const node_id *targets, size_t count);
void network_join_bytes(
    network *n, node_id place, const network_edge *edges, size_t count, bool ends);

/* Once, when all is made: how deep calls have to be for each node to get to its end. */
cadre_status network_measure(network *n);

#endif
