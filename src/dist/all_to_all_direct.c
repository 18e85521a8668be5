/* all_to_all_direct.c - every rank sends to all others at once. One latency; but many messages meet
 * at a receiver, which slows them down where ranks are many. */
#include "dist/all_to_all.h"

static const double CROWD = 1.0 / 64; /* how much slower each further sender makes the others */

static double cost(const fabric *f, double bytes)
{
    link_cost l = fabric_link(f);
    double others = f->ranks - 1;
    return l.latency + others * (l.overhead + bytes / l.bandwidth * (1 + CROWD * (others - 1)));
}

static int count_messages(const comm *c, const comm_rows *rows)
{
    int count = 0;
    for (int r = 0; r < c->size; r++)
        count += port_pieces(rows_bytes(rows->send_first, r, rows->row)) +
                 port_pieces(rows_bytes(rows->receive_first, r, rows->row));
    return count;
}

static cadre_status run(comm *c, const comm_rows *rows)
{
    port *p = port_of(c);
    CADRE_TRY(port_begin(p, count_messages(c, rows)));
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
    return port_wait(p);
}

const all_to_all_method all_to_all_direct = {
    .name = "direct", .help = "every rank sends to all others at once", .cost = cost, .run = run
};
