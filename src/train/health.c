/* health.c - counts dead experts and dropped picks, step after step. */
#include "train/health.h"

#include "base/memory.h"

enum {
    MISSED_LIMIT = 256, /* an expert is dead after so many picks of an even share without one */
    LEAST_STEPS = 50,   /* which are at least so many steps, however many tokens a step has */
    WINDOW = 20,        /* steps over which drops are counted */
};
static const double too_many_drops = 0.25;

cadre_status health_open(health *h, int64_t experts)
{
    *h = (health){ .experts = experts, .missed = MEM_ARRAY(int64_t, experts + 1) };
    return h->missed ? CADRE_OK : CADRE_ENOMEM;
}

void health_close(health *h)
{
    mem_free(h->missed);
    *h = (health){ 0 };
}

/* What a step adds to an expert's missed picks: its even share, at most 1 / LEAST_STEPS of the
 * limit */
static int64_t even_share(int64_t picks, int64_t experts)
{
    int64_t share = picks / experts, most = MISSED_LIMIT / LEAST_STEPS;
    return share < 1 ? 0 : share < most ? share : most;
}

void health_count(health *h, const balance_totals *layer)
{
    int64_t picks = 0;
    if (!h->at) h->dead = 0;
    for (int32_t e = 0; e < layer->experts; e++) picks += layer->count[e];
    int64_t share = even_share(picks, layer->experts);
    for (int32_t e = 0; e < layer->experts && h->at < h->experts; e++, h->at++) {
        h->missed[h->at] = layer->count[e] ? 0 : h->missed[h->at] + share;
        h->dead += h->missed[h->at] >= MISSED_LIMIT;
    }
    h->picks += picks;
    h->dropped += layer->dropped;
}

unsigned health_check(health *h)
{
    unsigned now = h->dead ? HEALTH_DEAD : 0;
    h->at = 0;
    if (++h->steps == WINDOW) {
        h->drop_share = h->picks ? (double)h->dropped / (double)h->picks : 0;
        if (h->drop_share > too_many_drops) now |= HEALTH_DROPS;
        h->steps = h->picks = h->dropped = 0;
    }
    unsigned new_findings = now & ~h->found;
    h->found |= now;
    return new_findings;
}
