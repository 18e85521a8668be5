/* all_to_all_nodes.c - one message between each two machines. N machines have n ranks each. On
 * every machine, local rank b % n speaks with machine b:
 *
 *   1. within: each rank gives every neighbour the blocks for the machines that this one speaks
 *      with;
 *   2. between: the speakers of two machines exchange n * n blocks;
 *   3. within: each speaker hands out what came.
 *
 * Blocks are sorted [machine in order of its speaker's list][rank there]. */
#include "dist/all_to_all.h"

#include <string.h>

static double cost(const fabric *f, double bytes)
{
    double n = f->per_node, machines = f->ranks / n, block = bytes + sizeof(int64_t);
    double spoken = (machines + n - 1) / n; /* machines that a rank speaks with */
    double within = f->within.latency +
                    (n - 1) * (f->within.overhead + spoken * n * block / f->within.bandwidth);
    double between =
        f->between.latency + spoken * (f->between.overhead + n * n * block / f->between.bandwidth);
    return 2 * within + between;
}

typedef struct journey {
    comm *c;
    const comm_rows *rows;
    int n, machines, node, local;
    size_t block;
    char *near, *far; /* [machines that it speaks with, n, n] blocks: from, to; and the other way */
    char *one;        /* [n, most machines of a speaker, n] blocks for, or of, each neighbour */
} journey;

/* Machines that local rank j speaks with: j, j + n, ... */
static int spoken_by(const journey *j, int local)
{
    return local < j->machines ? (j->machines - local - 1) / j->n + 1 : 0;
}

static size_t lot(const journey *j, int speaker) /* bytes of one rank's blocks at a speaker */
{
    return (size_t)spoken_by(j, speaker) * (size_t)j->n * j->block;
}

/* Where the blocks for or of neighbour i begin in `one` */
static char *lot_at(const journey *j, int i) { return j->one + (size_t)i * lot(j, 0); }

/* Step 1 sends lots and receives into `near`, step 3 the other way around. `near` holds, for each
 * neighbour, its lot. */
static cadre_status swap_within(journey *j, bool first)
{
    port *p = port_of(j->c);
    CADRE_TRY(port_begin(p, 2 * j->n * (port_pieces(lot(j, 0)) + 1)));
    for (int i = 0; i < j->n; i++) {
        int rank = j->node * j->n + i;
        char *own = j->near + (size_t)i * lot(j, j->local);
        if (i == j->local) {
            if (first) memcpy(own, lot_at(j, i), lot(j, i));
            else memcpy(lot_at(j, i), own, lot(j, i));
            continue;
        }
        if (first) {
            group_receive(j->c, rank, own, lot(j, j->local));
            group_send(j->c, rank, lot_at(j, i), lot(j, i));
        } else {
            group_receive(j->c, rank, lot_at(j, i), lot(j, i));
            group_send(j->c, rank, own, lot(j, j->local));
        }
    }
    return port_wait(p);
}

/* Block of machine m (of those spoken with) between neighbour i and rank k there: near is by
 * neighbour, far by machine. */
static char *near_at(const journey *j, int i, int m, int k)
{
    return j->near + (size_t)i * lot(j, j->local) +
           ((size_t)m * (size_t)j->n + (size_t)k) * j->block;
}
static char *far_at(const journey *j, int m, int i, int k)
{
    return j->far + (((size_t)m * (size_t)j->n + (size_t)i) * (size_t)j->n + (size_t)k) * j->block;
}

/* What a machine is sent is [from, to]; what comes from it, too. */
static void turn(journey *j, bool out)
{
    for (int m = 0; m < spoken_by(j, j->local); m++)
        for (int i = 0; i < j->n; i++)
            for (int k = 0; k < j->n; k++) {
                if (out) memcpy(far_at(j, m, i, k), near_at(j, i, m, k), j->block);
                else memcpy(near_at(j, k, m, i), far_at(j, m, i, k), j->block);
            }
}

static cadre_status swap_between(journey *j)
{
    port *p = port_of(j->c);
    size_t bytes = (size_t)j->n * (size_t)j->n * j->block;
    int spoken = spoken_by(j, j->local);
    char *in = j->near; /* free, as its blocks are in `far` now */
    CADRE_TRY(port_begin(p, 2 * spoken * port_pieces(bytes)));
    for (int m = 0; m < spoken; m++) {
        int other = j->local + m * j->n, rank = other * j->n + j->node % j->n;
        char *to = in + (size_t)m * bytes, *from = far_at(j, m, 0, 0);
        if (other == j->node) memcpy(to, from, bytes);
        else {
            group_receive(j->c, rank, to, bytes);
            group_send(j->c, rank, from, bytes);
        }
    }
    CADRE_TRY(port_wait(p));
    memcpy(j->far, in, (size_t)spoken * bytes);
    return CADRE_OK;
}

/* Packs the blocks for all ranks into the lots of their machines' speakers, or unpacks them. */
static void each_block(journey *j, bool pack)
{
    for (int i = 0; i < j->n; i++)
        for (int m = 0; m < spoken_by(j, i); m++)
            for (int k = 0; k < j->n; k++) {
                char *block = lot_at(j, i) + ((size_t)m * (size_t)j->n + (size_t)k) * j->block;
                int rank = (i + m * j->n) * j->n + k;
                if (pack) block_pack(j->rows, rank, block);
                else block_unpack(j->rows, rank, block);
            }
}

static cadre_status run(comm *c, const comm_rows *rows)
{
    int n = group_of(c)->per_node;
    journey j = { .c = c,
        .rows = rows,
        .n = n,
        .machines = c->size / n,
        .node = c->rank / n,
        .local = c->rank % n,
        .block = block_bytes(rows) };
    size_t most = (size_t)n * lot(&j, 0);
    if (!(j.near = group_scratch(c, 3 * most))) return CADRE_ENOMEM;
    memset(j.near, 0, 3 * most);
    j.far = j.near + most;
    j.one = j.far + most;
    each_block(&j, true);
    CADRE_TRY(swap_within(&j, true));
    turn(&j, true);
    CADRE_TRY(swap_between(&j));
    turn(&j, false);
    CADRE_TRY(swap_within(&j, false));
    each_block(&j, false);
    return CADRE_OK;
}

const all_to_all_method all_to_all_nodes = { .name = "nodes",
    .help = "one message between each two machines",
    .blocks = true,
    .nodes = true,
    .cost = cost,
    .run = run };
