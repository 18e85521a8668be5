/* number_multiple.c - a node of the piece and a remainder are a node of the result: a digit d leads
 * from remainder r to (10 r + d) mod the divisor, and a number may be over where it is 0. */
#include "grammar/number_multiple.h"

#include <string.h>

#include "base/memory.h"

enum { TARGETS = 64 }; /* of a node */

typedef struct product {
    network *n;
    node_id first, last;
    int64_t divisor;
    node_id *made; /* [last - first, divisor] */
} product;

static node_id node_of(product *p, node_id at, int64_t remainder);

static node_id bytes_of(product *p, const network_node *node, int64_t remainder)
{
    network_edge edges[TARGETS];
    size_t count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        network_edge e = p->n->edges[node->first + i];
        for (int byte = e.low; byte <= e.high && count < TARGETS; byte++) {
            bool digit = byte >= '0' && byte <= '9';
            int64_t next = digit ? (remainder * 10 + byte - '0') % p->divisor : remainder;
            node_id to = node_of(p, e.to, next);
            if (to != NETWORK_DEAD)
                edges[count++] = (network_edge){ (uint8_t)byte, (uint8_t)byte, to };
        }
    }
    bool ends = node->ends && remainder == 0;
    return count || ends ? network_bytes(p->n, edges, count, ends) : (node_id)NETWORK_DEAD;
}

static node_id split_of(product *p, const network_node *node, int64_t remainder)
{
    node_id list[TARGETS];
    size_t count = 0;
    for (uint32_t i = 0; i < node->count && count < TARGETS; i++) {
        node_id to = node_of(p, p->n->edges[node->first + i].to, remainder);
        if (to != NETWORK_DEAD) list[count++] = to;
    }
    return count ? network_split(p->n, list, count) : (node_id)NETWORK_DEAD;
}

/* In `made` 0 is NETWORK_DEAD: such nodes are looked at again, but nothing is made of them. */
static node_id node_of(product *p, node_id at, int64_t remainder)
{
    if (p->n->status != CADRE_OK || at == NETWORK_DEAD) return NETWORK_DEAD;
    if (at == NETWORK_END) return remainder == 0 ? NETWORK_END : NETWORK_DEAD;
    node_id *made = &p->made[(int64_t)(at - p->first) * p->divisor + remainder];
    if (*made) return *made;
    const network_node node = p->n->nodes[at];
    return *made = node.kind == NETWORK_SPLIT ? split_of(p, &node, remainder)
                                              : bytes_of(p, &node, remainder);
}

node_id number_multiple(network *n, node_id piece, node_id first, int64_t divisor)
{
    product p = { .n = n, .first = first, .last = (node_id)n->node_count, .divisor = divisor };
    if (n->status != CADRE_OK) return NETWORK_DEAD;
    p.made = MEM_ARRAY(node_id, (int64_t)(p.last - first + 1) * divisor);
    if (!p.made) {
        n->status = CADRE_ENOMEM;
        return NETWORK_DEAD;
    }
    node_id result = node_of(&p, piece, 0);
    mem_free(p.made);
    return result;
}
