/* all_to_all_bruck.c - Bruck's algorithm (Bruck, Ho, Kipnis, Upfal, Weathersby 1997) sends blocks
 * over distances that are powers of two: log2 p messages instead of p - 1, each with half of all
 * blocks. It pays where a block takes less time than the latency of a message.
 *
 * Block i of a rank is meant for the i-th rank after it. In step k, the blocks whose i has bit k
 * are sent to the rank k places after this one, and as many arrive from the rank k places before
 * it. At the end, block i is the one from the i-th rank before this one. */
#include "dist/all_to_all.h"

#include <math.h>
#include <string.h>

static double cost(const fabric *f, double bytes)
{
    link_cost l = fabric_link(f);
    double half = ceil(f->ranks / 2.0);
    return ceil(log2(f->ranks)) * cost_message(&l, half * (bytes + sizeof(int64_t)));
}

/* Copies the blocks that step k moves, from `blocks` to `packed` or back; returns their number. */
static int move_blocks(char *blocks, char *packed, size_t block, int ranks, int k, bool back)
{
    int count = 0;
    for (int i = k; i < ranks; i++) {
        if (!(i & k)) continue;
        char *at = blocks + (size_t)i * block, *other = packed + (size_t)count++ * block;
        if (back) memcpy(at, other, block);
        else memcpy(other, at, block);
    }
    return count;
}

static cadre_status exchange(comm *c, const comm_rows *rows)
{
    int p = c->size;
    size_t block = block_bytes(rows), all = (size_t)p * block;
    char *blocks = group_scratch(c, 3 * all);
    if (!blocks) return CADRE_ENOMEM;
    memset(blocks, 0, 3 * all);
    char *out = blocks + all, *in = out + all;
    for (int i = 0; i < p; i++) block_pack(rows, (c->rank + i) % p, blocks + (size_t)i * block);
    for (int k = 1; k < p; k *= 2) {
        size_t bytes = block * (size_t)move_blocks(blocks, out, block, p, k, false);
        CADRE_TRY(group_exchange(c, &(comm_message){ .to = (c->rank + k) % p,
                                        .from = (c->rank + p - k) % p,
                                        .send = out,
                                        .send_bytes = bytes,
                                        .receive = in,
                                        .receive_bytes = bytes }));
        move_blocks(blocks, in, block, p, k, true);
    }
    for (int i = 0; i < p; i++)
        block_unpack(rows, (c->rank + p - i) % p, blocks + (size_t)i * block);
    return CADRE_OK;
}

const all_to_all_method all_to_all_bruck = { .name = "bruck",
    .help = "blocks travel by powers of two, in few messages",
    .blocks = true,
    .cost = cost,
    .exchange = exchange };
