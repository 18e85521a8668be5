/* cost.h - a cost model of messages, which the choice of methods, the planner and the simulator
 * use. A message of m bytes takes latency + m / bandwidth; a rank that sends several at once also
 * spends `overhead` on each. */
#ifndef CADRE_DIST_COST_H
#define CADRE_DIST_COST_H

typedef struct link_cost {
    double latency, overhead; /* seconds */
    double bandwidth;         /* bytes a second */
} link_cost;

/* The links among `ranks` ranks, of which each `per_node` neighbours share a machine (1: every rank
 * has its own). */
typedef struct fabric {
    link_cost within, between; /* within one machine; between two machines */
    int ranks, per_node;
} fabric;

/* Default costs of a machine's memory and of a network, used before anything is measured. */
fabric fabric_assumed(int ranks, int per_node);

/* The slowest link that messages between all ranks have to cross. */
static inline link_cost fabric_link(const fabric *f)
{
    return f->ranks > f->per_node ? f->between : f->within;
}

/* Seconds until every rank has received a block of `bytes` from each other rank. */
double cost_all_gather(const fabric *f, double bytes);
double cost_message(const link_cost *l, double bytes);

#endif
