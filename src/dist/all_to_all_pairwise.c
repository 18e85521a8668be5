/* all_to_all_pairwise.c - in step i, every rank sends to the i-th rank after it and receives from
 * the i-th rank before it. Each step costs one latency, and no receiver has two senders at a
 * time. */
#include "dist/all_to_all.h"

static double cost(const fabric *f, double bytes)
{
    link_cost l = fabric_link(f);
    return (f->ranks - 1) * cost_message(&l, bytes);
}

static cadre_status exchange(comm *c, const comm_rows *rows)
{
    all_to_all_copy_own(c, rows);
    for (int i = 1; i < c->size; i++) {
        int to = (c->rank + i) % c->size, from = (c->rank + c->size - i) % c->size;
        CADRE_TRY(group_exchange(
            c, &(comm_message){ .to = to,
                   .from = from,
                   .send = (const char *)rows->send + (size_t)rows->send_first[to] * rows->row,
                   .send_bytes = rows_bytes(rows->send_first, to, rows->row),
                   .receive = (char *)rows->receive + (size_t)rows->receive_first[from] * rows->row,
                   .receive_bytes = rows_bytes(rows->receive_first, from, rows->row) }));
    }
    return CADRE_OK;
}

const all_to_all_method all_to_all_pairwise = { .name = "pairwise",
    .help = "one partner to send to and one to receive from at a time",
    .cost = cost,
    .exchange = exchange };
