/* spike.c - the mean of losses, and what is far above it. */
#include "train/spike.h"

#include <math.h>

enum { LEAST = 20 }; /* losses before which nothing is known of a usual one */
static const double kept = 0.95;

double spike_limit(const spike_guard *g)
{
    return g->ratio > 0 && g->seen >= LEAST ? g->ratio * g->mean : INFINITY;
}

void spike_count(spike_guard *g, double loss, bool skipped)
{
    g->bad = skipped ? g->bad + 1 : 0;
    if (skipped) return;
    g->mean = g->seen ? kept * g->mean + (1 - kept) * loss : loss;
    g->seen++;
}
