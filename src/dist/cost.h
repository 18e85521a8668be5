/* cost.h - how long messages take: the model behind the choice of methods, the planner and the
 * simulator. A message of m bytes takes latency + m / bandwidth; a rank that sends several at once
 * spends `overhead` on each. */
#ifndef CADRE_DIST_COST_H
#define CADRE_DIST_COST_H

typedef struct link_cost {
    double latency, overhead; /* seconds */
    double bandwidth;         /* bytes a second */
} link_cost;

/* Ranks, of which `per_node` neighbours share a machine; 1: none do */
typedef struct fabric {
    link_cost within, between; /* of a machine; of two */
    int ranks, per_node;
} fabric;

/* What is assumed of a machine's memory, and of a network, before anything is measured */
fabric fabric_assumed(int ranks, int per_node);

/* The slowest link that messages between all ranks cross */
static inline link_cost fabric_link(const fabric *f)
{
    return f->ranks > f->per_node ? f->between : f->within;
}

/* Seconds until every rank has a block of `bytes` from each other one */
double cost_all_gather(const fabric *f, double bytes);
double cost_message(const link_cost *l, double bytes);

#endif
