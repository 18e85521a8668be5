/* health.c - counts idle experts and dropped picks, step after step. */
#include "train/health.h"

#include "base/memory.h"

enum {
    SILENCE = 256,    /* an expert that missed so many picks of its even share is idle */
    LEAST_STEPS = 50, /* but one step is one occasion, however many tokens it has */
    WINDOW = 20,      /* steps over which drops are counted */
};
static const double too_many_drops = 0.25;

cadre_status health_open(health *h, int64_t experts)
{
    *h = (health){ .experts = experts, .silent = MEM_ARRAY(int64_t, experts + 1) };
    return h->silent ? CADRE_OK : CADRE_ENOMEM;
}

void health_close(health *h)
{
    mem_free(h->silent);
    *h = (health){ 0 };
}

/* What a step adds to an expert's silence: its even share, but never the whole bound at once. */
static int64_t even_share(int64_t picks, int64_t experts)
{
    int64_t share = picks / experts, most = SILENCE / LEAST_STEPS;
    return share < 1 ? 0 : share < most ? share : most;
}

void health_count(health *h, const balance_totals *layer)
{
    int64_t picks = 0;
    if (!h->at) h->dead = 0;
    for (int32_t e = 0; e < layer->experts; e++) picks += layer->count[e];
    int64_t share = even_share(picks, layer->experts);
    for (int32_t e = 0; e < layer->experts && h->at < h->experts; e++, h->at++) {
        h->silent[h->at] = layer->count[e] ? 0 : h->silent[h->at] + share;
        h->dead += h->silent[h->at] >= SILENCE;
    }
    h->picks += picks;
    h->dropped += layer->dropped;
}

unsigned health_look(health *h)
{
    unsigned now = h->dead ? HEALTH_DEAD : 0;
    h->at = 0;
    if (++h->steps == WINDOW) {
        h->drop_share = h->picks ? (double)h->dropped / (double)h->picks : 0;
        if (h->drop_share > too_many_drops) now |= HEALTH_DROPS;
        h->steps = h->picks = h->dropped = 0;
    }
    unsigned fresh = now & ~h->found;
    h->found |= now;
    return fresh;
}
