/* cost.c - costs of single messages and of gathering; all-to-all methods have their own cost
 * functions. */
#include "dist/cost.h"

#include <math.h>

fabric fabric_assumed(int ranks, int per_node)
{
    return (fabric){ .within = { 1e-6, 0.3e-6, 5e9 },
        .between = { 20e-6, 1e-6, 1e9 },
        .ranks = ranks,
        .per_node = per_node };
}

double cost_message(const link_cost *l, double bytes)
{
    return l->latency + l->overhead + bytes / l->bandwidth;
}

/* The cheaper of two methods: every rank sends to all others at once, or the gathered data doubles
 * in each step. */
double cost_all_gather(const fabric *f, double bytes)
{
    link_cost l = fabric_link(f);
    double others = f->ranks - 1, moved = others * bytes / l.bandwidth;
    if (f->ranks < 2) return 0;
    double direct = l.latency + others * l.overhead + moved,
           doubling = ceil(log2(f->ranks)) * (l.latency + l.overhead) + moved;
    return fmin(direct, doubling);
}
