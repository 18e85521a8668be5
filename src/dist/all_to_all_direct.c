/* all_to_all_direct.c - every rank sends to all others at once. This costs one latency, but with
 * many ranks the messages contend at each receiver, which slows them down. */
#include "dist/all_to_all.h"

static const double CONTENTION = 1.0 / 64; /* relative slowdown that each further sender causes */

static double cost(const fabric *f, double bytes)
{
    link_cost l = fabric_link(f);
    double others = f->ranks - 1;
    return l.latency +
           others * (l.overhead + bytes / l.bandwidth * (1 + CONTENTION * (others - 1)));
}

static int count_messages(const comm *c, const comm_rows *rows)
{
    int count = 0;
    for (int r = 0; r < c->size; r++)
        count += endpoint_pieces(rows_bytes(rows->send_first, r, rows->row)) +
                 endpoint_pieces(rows_bytes(rows->receive_first, r, rows->row));
    return count;
}

static cadre_status exchange(comm *c, const comm_rows *rows)
{
    endpoint *p = endpoint_of(c);
    CADRE_TRY(endpoint_begin(p, count_messages(c, rows)));
    for (int i = 1; i < c->size; i++) {
        int from = (c->rank + c->size - i) % c->size;
        group_receive(c, from,
            (char *)rows->receive + (size_t)rows->receive_first[from] * rows->row,
            rows_bytes(rows->receive_first, from, rows->row));
    }
    for (int i = 1; i < c->size; i++) {
        int to = (c->rank + i) % c->size;
        group_send(c, to, (const char *)rows->send + (size_t)rows->send_first[to] * rows->row,
            rows_bytes(rows->send_first, to, rows->row));
    }
    all_to_all_copy_own(c, rows);
    return endpoint_wait(p);
}

const all_to_all_method all_to_all_direct = { .name = "direct",
    .help = "every rank sends to all others at once",
    .cost = cost,
    .exchange = exchange };
