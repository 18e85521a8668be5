/* all_to_all.c - THE LIST, the choice among its methods, and the blocks that some of them
 * forward. */
#include "dist/all_to_all.h"

#include <assert.h>
#include <string.h>

const all_to_all_method *const all_to_all_methods[] = { &all_to_all_direct, &all_to_all_pairwise,
    &all_to_all_bruck, &all_to_all_nodes, NULL };

const all_to_all_method *all_to_all_cheapest(const fabric *f, double bytes, bool blocks_known)
{
    const all_to_all_method *best = all_to_all_methods[0];
    for (int i = 1; all_to_all_methods[i]; i++) {
        const all_to_all_method *m = all_to_all_methods[i];
        bool fits = (!m->blocks || blocks_known) &&
                    (!m->nodes || (f->per_node > 1 && f->ranks > f->per_node));
        if (fits && m->cost(f, bytes) < 0.99 * best->cost(f, bytes)) best = m;
    }
    return best;
}

/* If each rank knows only its own rows, the ranks may choose different methods. The choice is then
 * limited to methods that send the same messages between the same ranks, in whatever order. */
const all_to_all_method *all_to_all_choose(const comm *c, const comm_rows *rows)
{
    fabric f = group_fabric(c);
    double pair = rows->pair ? (double)rows->pair
                             : (double)(rows->send_first[c->size] - rows->send_first[0]) / c->size;
    return all_to_all_cheapest(&f, pair * (double)rows->row, rows->pair > 0);
}

/* ---- blocks ---- */

size_t block_bytes(const comm_rows *rows)
{
    return sizeof(int64_t) + (size_t)rows->pair * rows->row;
}

void block_pack(const comm_rows *rows, int to, char *block)
{
    int64_t count = rows->send_first[to + 1] - rows->send_first[to];
    assert(count <= rows->pair);
    memcpy(block, &count, sizeof count);
    if (count)
        memcpy(block + sizeof count,
            (const char *)rows->send + (size_t)rows->send_first[to] * rows->row,
            (size_t)count * rows->row);
}

void block_unpack(const comm_rows *rows, int from, const char *block)
{
    int64_t count, expected = rows->receive_first[from + 1] - rows->receive_first[from];
    memcpy(&count, block, sizeof count);
    assert(count == expected && "sizes agree");
    (void)expected;
    if (count)
        memcpy((char *)rows->receive + (size_t)rows->receive_first[from] * rows->row,
            block + sizeof count, (size_t)count * rows->row);
}

void all_to_all_copy_own(const comm *c, const comm_rows *rows)
{
    size_t bytes = rows_bytes(rows->send_first, c->rank, rows->row);
    if (bytes)
        memcpy((char *)rows->receive + (size_t)rows->receive_first[c->rank] * rows->row,
            (const char *)rows->send + (size_t)rows->send_first[c->rank] * rows->row, bytes);
}
