/* number_multiple.c - a node of the piece, a remainder and the digits behind the point are a node
 * of the result: a digit d leads from remainder r to (10 r + d) mod the units. A number may be over
 * where what was read, with as many zeros behind it as decimals are missing, leaves nothing. */
#include "grammar/number_multiple.h"

#include <string.h>

#include "base/memory.h"

enum { TARGETS = 64, PLACES_MOST = 1 << 24 }; /* of a node; of a product */

typedef struct product {
    network *n;
    node_id first, last;
    multiple of;
    node_id *made; /* [last - first, units, decimals + 2] */
} product;

typedef struct reading { /* what has been read of a number */
    int64_t remainder;
    int decimals; /* -1: no point yet */
} reading;

static node_id node_of(product *p, node_id at, reading r);

static bool is_multiple(const product *p, reading r)
{
    int64_t rest = r.remainder;
    for (int i = r.decimals > 0 ? r.decimals : 0; i < p->of.decimals; i++)
        rest = rest * 10 % p->of.units;
    return rest == 0;
}

/* Whether the byte may follow. */
static bool read_byte(const product *p, int byte, reading *r)
{
    if (byte == '.') r->decimals = 0;
    if (byte < '0' || byte > '9') return byte != '.' || p->of.decimals > 0;
    if (r->decimals >= 0 && r->decimals++ == p->of.decimals) return false;
    r->remainder = (r->remainder * 10 + byte - '0') % p->of.units;
    return true;
}

static node_id bytes_of(product *p, const network_node *node, reading before)
{
    network_edge edges[TARGETS];
    size_t count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        network_edge e = p->n->edges[node->first + i];
        for (int byte = e.low; byte <= e.high && count < TARGETS; byte++) {
            reading r = before;
            node_id to = read_byte(p, byte, &r) ? node_of(p, e.to, r) : (node_id)NETWORK_DEAD;
            if (to != NETWORK_DEAD)
                edges[count++] = (network_edge){ (uint8_t)byte, (uint8_t)byte, to };
        }
    }
    bool ends = node->ends && is_multiple(p, before);
    return count || ends ? network_bytes(p->n, edges, count, ends) : (node_id)NETWORK_DEAD;
}

static node_id split_of(product *p, const network_node *node, reading r)
{
    node_id list[TARGETS];
    size_t count = 0;
    for (uint32_t i = 0; i < node->count && count < TARGETS; i++) {
        node_id to = node_of(p, p->n->edges[node->first + i].to, r);
        if (to != NETWORK_DEAD) list[count++] = to;
    }
    return count ? network_split(p->n, list, count) : (node_id)NETWORK_DEAD;
}

/* In `made` 0 is NETWORK_DEAD: such nodes are looked at again, but nothing is made of them. */
static node_id node_of(product *p, node_id at, reading r)
{
    if (p->n->status != CADRE_OK || at == NETWORK_DEAD) return NETWORK_DEAD;
    if (at == NETWORK_END) return is_multiple(p, r) ? NETWORK_END : NETWORK_DEAD;
    int64_t place = (int64_t)(at - p->first) * p->of.units + r.remainder;
    node_id *made = &p->made[place * (p->of.decimals + 2) + r.decimals + 1];
    if (*made) return *made;
    const network_node node = p->n->nodes[at];
    return *made = node.kind == NETWORK_SPLIT ? split_of(p, &node, r) : bytes_of(p, &node, r);
}

node_id number_multiple(network *n, node_id piece, node_id first, multiple of)
{
    product p = { .n = n, .first = first, .last = (node_id)n->node_count, .of = of };
    int64_t places = (int64_t)(p.last - first + 1) * of.units * (of.decimals + 2);
    if (n->status != CADRE_OK) return NETWORK_DEAD;
    if (places > PLACES_MOST) {
        n->status = cadre_fail(CADRE_EUNSUPPORTED, n->name,
            "expected multiples and bounds that are simple to follow, found ones that need too "
            "many states");
        return NETWORK_DEAD;
    }
    p.made = MEM_ARRAY(node_id, places);
    if (!p.made) {
        n->status = CADRE_ENOMEM;
        return NETWORK_DEAD;
    }
    node_id result = node_of(&p, piece, (reading){ 0, -1 });
    mem_free(p.made);
    return result;
}
