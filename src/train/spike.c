/* spike.c - the moving average of losses, and the limit above it. */
#include "train/spike.h"

#include <math.h>

enum { LEAST = 20 }; /* before so many losses were seen, there is no limit */
static const double decay = 0.95;

double spike_limit(const spike_guard *g)
{
    return g->ratio > 0 && g->seen >= LEAST ? g->ratio * g->mean : INFINITY;
}

void spike_count(spike_guard *g, double loss, bool skipped)
{
    g->bad = skipped ? g->bad + 1 : 0;
    if (skipped) return;
    g->mean = g->seen ? decay * g->mean + (1 - decay) * loss : loss;
    g->seen++;
}
