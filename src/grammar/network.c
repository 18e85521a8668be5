/* network.c - nodes, and how deep each needs to go. */
#include "grammar/network.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* ---- making nodes ---- */

static void fail_once(network *n, cadre_status status)
{
    if (n->status == CADRE_OK) n->status = status;
}

static bool too_large(network *n)
{
    fail_once(n, cadre_fail(CADRE_EUNSUPPORTED, n->name,
                     "expected a schema of at most %d states, found more", NETWORK_NODES_MAX));
    return false;
}

static bool grow(network *n, size_t edges)
{
    void *nodes = n->nodes, *list = n->edges;
    if (n->status != CADRE_OK) return false;
    if (n->node_count >= NETWORK_NODES_MAX || edges > NETWORK_EDGES_MAX - n->edge_count)
        return too_large(n);
    fail_once(n, buffer_grow(&nodes, n->node_count, &n->node_room, 1, sizeof *n->nodes));
    n->nodes = nodes;
    if (n->status != CADRE_OK) return false;
    fail_once(n, buffer_grow(&list, n->edge_count, &n->edge_room, edges, sizeof *n->edges));
    n->edges = list;
    return n->status == CADRE_OK;
}

static node_id add(network *n, network_node node)
{
    if (!grow(n, 0)) return NETWORK_DEAD;
    n->nodes[n->node_count] = node;
    return (node_id)n->node_count++;
}

cadre_status network_open(network *n, const char *name)
{
    *n = (network){ .work = NETWORK_WORK_MAX, .name = name };
    add(n, (network_node){ .kind = NETWORK_SPLIT });
    add(n, (network_node){ .kind = NETWORK_BYTES, .ends = true });
    if (n->status != CADRE_OK) network_free(n);
    return n->status;
}

void network_free(network *n)
{
    mem_free(n->nodes);
    mem_free(n->edges);
    *n = (network){ .status = n->status };
}

node_id network_place(network *n) { return add(n, (network_node){ .kind = NETWORK_SPLIT }); }

void network_join_bytes(
    network *n, node_id place, const network_edge *edges, size_t count, bool ends)
{
    if (!grow(n, count)) return;
    if (count) memcpy(n->edges + n->edge_count, edges, count * sizeof *edges);
    n->nodes[place] = (network_node){ .kind = NETWORK_BYTES,
        .ends = ends,
        .first = (uint32_t)n->edge_count,
        .count = (uint32_t)count };
    n->edge_count += count;
}

void network_join_split(network *n, node_id place, const node_id *targets, size_t count)
{
    if (!grow(n, count)) return;
    n->nodes[place].first = (uint32_t)n->edge_count;
    n->nodes[place].count = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        n->edges[n->edge_count++] = (network_edge){ .to = targets[i] };
}

void network_join(network *n, node_id place, node_id target)
{
    network_join_split(n, place, &target, 1);
}

node_id network_bytes(network *n, const network_edge *edges, size_t count, bool ends)
{
    node_id made = network_place(n);
    network_join_bytes(n, made, edges, count, ends);
    return made;
}

node_id network_byte(network *n, uint8_t byte, node_id next)
{
    return network_bytes(n, &(network_edge){ byte, byte, next }, 1, false);
}

node_id network_text(network *n, const char *text, size_t size, node_id next)
{
    for (size_t i = size; i-- > 0;) next = network_byte(n, (uint8_t)text[i], next);
    return next;
}

node_id network_split(network *n, const node_id *targets, size_t count)
{
    node_id made = network_place(n);
    network_join_split(n, made, targets, count);
    return made;
}

node_id network_either(network *n, node_id a, node_id b)
{
    return network_split(n, (node_id[]){ a, b }, 2);
}

node_id network_call(network *n, node_id callee, node_id next)
{
    return add(n, (network_node){ .kind = NETWORK_CALL, .callee = callee, .next = next });
}

node_id network_repeat(network *n, node_id callee, uint32_t min, uint32_t max, node_id next)
{
    return add(
        n, (network_node){
               .kind = NETWORK_REPEAT, .callee = callee, .next = next, .min = min, .max = max });
}

/* ---- depth ---- */

/* Nodes get their depth in the order of their depths, each once, when those that it depends on
 * have theirs (Knuth's generalisation of Dijkstra's algorithm, with one list a depth). */
typedef struct measuring {
    network *n;
    uint32_t *users_first; /* [nodes + 1] into users */
    node_id *users;        /* nodes that depend on each */
    node_id *following;    /* [nodes] of the same list; 0: none */
    node_id list[NETWORK_DEPTH + 1];
} measuring;

static void tell(measuring *m, node_id id, unsigned depth)
{
    if (depth > NETWORK_DEPTH || m->n->nodes[id].depth != NETWORK_NEVER) return;
    m->n->nodes[id].depth = (uint8_t)depth;
    m->following[id] = m->list[depth];
    m->list[depth] = id;
}

static unsigned deeper(const network *n, const network_node *node)
{
    unsigned inside = n->nodes[node->callee].depth + 1u, after = n->nodes[node->next].depth;
    return inside > after ? inside : after;
}

/* A node that `user` depends on has got its depth. */
static void reconsider(measuring *m, node_id user, unsigned depth)
{
    const network *n = m->n;
    const network_node *node = &n->nodes[user];
    bool called = node->kind == NETWORK_CALL || (node->kind == NETWORK_REPEAT && node->min > 0);
    if (node->kind == NETWORK_REPEAT && !called) {
        if (n->nodes[node->next].depth != NETWORK_NEVER) tell(m, user, n->nodes[node->next].depth);
    } else if (!called) {
        tell(m, user, depth);
    } else if (n->nodes[node->callee].depth != NETWORK_NEVER &&
               n->nodes[node->next].depth != NETWORK_NEVER) {
        tell(m, user, deeper(n, node));
    }
}

static bool has_edges(const network_node *node)
{
    return node->kind == NETWORK_BYTES || node->kind == NETWORK_SPLIT;
}

/* With fill false counts them, which moves every first one place up. */
static void list_users(measuring *m, bool fill)
{
    const network *n = m->n;
    for (node_id id = 0; id < n->node_count; id++) {
        const network_node *node = &n->nodes[id];
        node_id both[2] = { node->callee, node->next };
        uint32_t count = has_edges(node) ? node->count : 2;
        for (uint32_t i = 0; i < count; i++) {
            node_id to = has_edges(node) ? n->edges[node->first + i].to : both[i];
            if (fill) m->users[m->users_first[to]++] = id;
            else m->users_first[to + 1]++;
        }
    }
}

static void measure(measuring *m)
{
    network *n = m->n;
    list_users(m, false);
    for (size_t i = 0; i < n->node_count; i++) m->users_first[i + 1] += m->users_first[i];
    list_users(m, true); /* now each first is where the node's users end */
    for (node_id id = 0; id < n->node_count; id++) n->nodes[id].depth = NETWORK_NEVER;
    for (node_id id = 0; id < n->node_count; id++)
        if (n->nodes[id].kind == NETWORK_BYTES && n->nodes[id].ends) tell(m, id, 0);
    for (unsigned depth = 0; depth <= NETWORK_DEPTH; depth++) {
        for (node_id id; (id = m->list[depth]);) {
            m->list[depth] = m->following[id];
            for (uint32_t u = id ? m->users_first[id - 1] : 0; u < m->users_first[id]; u++)
                reconsider(m, m->users[u], depth);
        }
    }
}

cadre_status network_measure(network *n)
{
    if (n->status != CADRE_OK) return n->status;
    size_t dependences = n->edge_count + 2 * n->node_count;
    measuring m = { .n = n,
        .users_first = MEM_ARRAY(uint32_t, n->node_count + 1),
        .users = MEM_ARRAY(node_id, dependences),
        .following = MEM_ARRAY(node_id, n->node_count) };
    bool made = m.users_first && m.users && m.following;
    if (made) measure(&m);
    mem_free(m.users_first);
    mem_free(m.users);
    mem_free(m.following);
    return made ? CADRE_OK : CADRE_ENOMEM;
}
