/* all_to_all_nodes.c - a hierarchical exchange with one message between each two machines. There
 * are N machines with n ranks each. On every machine, the local rank b % n is the leader for
 * machine b: it alone exchanges messages with that machine.
 *
 *   1. Within a machine, each rank sends every neighbour the blocks for the machines that this
 *      neighbour leads.
 *   2. Between machines, the leaders of two machines exchange n * n blocks.
 *   3. Within a machine, each leader distributes the blocks that it received.
 *
 * Blocks are sorted by [machine, in the order of its leader's list][rank on that machine]. */
#include "dist/all_to_all.h"

#include <string.h>

static double cost(const fabric *f, double bytes)
{
    double n = f->per_node, machines = f->ranks / n, block = bytes + sizeof(int64_t);
    double led = (machines + n - 1) / n; /* machines that a rank leads */
    double within =
        f->within.latency + (n - 1) * (f->within.overhead + led * n * block / f->within.bandwidth);
    double between =
        f->between.latency + led * (f->between.overhead + n * n * block / f->between.bandwidth);
    return 2 * within + between;
}

typedef struct hierarchy {
    comm *c;
    const comm_rows *rows;
    int n, machines, node, local;
    size_t block;
    /* [machines that it leads, n, n] blocks by (machine, from, to), and by neighbour first */
    char *by_neighbour, *by_machine;
    char *bundles; /* [n, most machines of a leader, n] blocks for, or from, each neighbour */
} hierarchy;

/* The number of machines that this local rank leads: machines local, local + n, ... */
static int machines_led(const hierarchy *h, int local)
{
    return local < h->machines ? (h->machines - local - 1) / h->n + 1 : 0;
}

/* Bytes of the blocks that one rank gives to a leader. */
static size_t bundle_bytes(const hierarchy *h, int leader)
{
    return (size_t)machines_led(h, leader) * (size_t)h->n * h->block;
}

/* Where the blocks for or from neighbour i begin in `bundles`. */
static char *bundle_at(const hierarchy *h, int i)
{
    return h->bundles + (size_t)i * bundle_bytes(h, 0);
}

/* Step 1 sends bundles and receives into `by_neighbour`; step 3 goes the other way. `by_neighbour`
 * holds one bundle for each neighbour. */
static cadre_status exchange_within(hierarchy *h, bool first)
{
    endpoint *p = endpoint_of(h->c);
    CADRE_TRY(endpoint_begin(p, 2 * h->n * (endpoint_pieces(bundle_bytes(h, 0)) + 1)));
    for (int i = 0; i < h->n; i++) {
        int rank = h->node * h->n + i;
        char *own = h->by_neighbour + (size_t)i * bundle_bytes(h, h->local);
        if (i == h->local) {
            if (first) memcpy(own, bundle_at(h, i), bundle_bytes(h, i));
            else memcpy(bundle_at(h, i), own, bundle_bytes(h, i));
            continue;
        }
        if (first) {
            group_receive(h->c, rank, own, bundle_bytes(h, h->local));
            group_send(h->c, rank, bundle_at(h, i), bundle_bytes(h, i));
        } else {
            group_receive(h->c, rank, bundle_at(h, i), bundle_bytes(h, i));
            group_send(h->c, rank, own, bundle_bytes(h, h->local));
        }
    }
    return endpoint_wait(p);
}

/* The block that neighbour i and rank k of machine m exchange, where m counts the machines that
 * this rank leads. */
static char *at_neighbour(const hierarchy *h, int i, int m, int k)
{
    return h->by_neighbour + (size_t)i * bundle_bytes(h, h->local) +
           ((size_t)m * (size_t)h->n + (size_t)k) * h->block;
}
static char *at_machine(const hierarchy *h, int m, int i, int k)
{
    return h->by_machine +
           (((size_t)m * (size_t)h->n + (size_t)i) * (size_t)h->n + (size_t)k) * h->block;
}

/* Reorders blocks between the two layouts. Blocks are [from, to] both when they are sent to a
 * machine and when they come from it, so the way back swaps i and k. */
static void reorder(hierarchy *h, bool out)
{
    for (int m = 0; m < machines_led(h, h->local); m++)
        for (int i = 0; i < h->n; i++)
            for (int k = 0; k < h->n; k++) {
                if (out) memcpy(at_machine(h, m, i, k), at_neighbour(h, i, m, k), h->block);
                else memcpy(at_neighbour(h, k, m, i), at_machine(h, m, i, k), h->block);
            }
}

static cadre_status exchange_between(hierarchy *h)
{
    endpoint *p = endpoint_of(h->c);
    size_t bytes = (size_t)h->n * (size_t)h->n * h->block;
    int led = machines_led(h, h->local);
    char *in =
        h->by_neighbour; /* this memory is free, because its blocks are in `by_machine` now */
    CADRE_TRY(endpoint_begin(p, 2 * led * endpoint_pieces(bytes)));
    for (int m = 0; m < led; m++) {
        int other = h->local + m * h->n, rank = other * h->n + h->node % h->n;
        char *to = in + (size_t)m * bytes, *from = at_machine(h, m, 0, 0);
        if (other == h->node) memcpy(to, from, bytes);
        else {
            group_receive(h->c, rank, to, bytes);
            group_send(h->c, rank, from, bytes);
        }
    }
    CADRE_TRY(endpoint_wait(p));
    memcpy(h->by_machine, in, (size_t)led * bytes);
    return CADRE_OK;
}

/* Packs the blocks for all ranks into the bundles of their machines' leaders, or unpacks them. */
static void copy_blocks(hierarchy *h, bool pack)
{
    for (int i = 0; i < h->n; i++)
        for (int m = 0; m < machines_led(h, i); m++)
            for (int k = 0; k < h->n; k++) {
                char *block = bundle_at(h, i) + ((size_t)m * (size_t)h->n + (size_t)k) * h->block;
                int rank = (i + m * h->n) * h->n + k;
                if (pack) block_pack(h->rows, rank, block);
                else block_unpack(h->rows, rank, block);
            }
}

static cadre_status exchange(comm *c, const comm_rows *rows)
{
    int n = group_of(c)->per_node;
    hierarchy h = { .c = c,
        .rows = rows,
        .n = n,
        .machines = c->size / n,
        .node = c->rank / n,
        .local = c->rank % n,
        .block = block_bytes(rows) };
    size_t most = (size_t)n * bundle_bytes(&h, 0);
    if (!(h.by_neighbour = group_scratch(c, 3 * most))) return CADRE_ENOMEM;
    memset(h.by_neighbour, 0, 3 * most);
    h.by_machine = h.by_neighbour + most;
    h.bundles = h.by_machine + most;
    copy_blocks(&h, true);
    CADRE_TRY(exchange_within(&h, true));
    reorder(&h, true);
    CADRE_TRY(exchange_between(&h));
    reorder(&h, false);
    CADRE_TRY(exchange_within(&h, false));
    copy_blocks(&h, false);
    return CADRE_OK;
}

const all_to_all_method all_to_all_nodes = { .name = "nodes",
    .help = "one message between each two machines",
    .blocks = true,
    .nodes = true,
    .cost = cost,
    .exchange = exchange };
