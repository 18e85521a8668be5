/* affinity.c - computes shares and orders from the counts of domains and experts. */
#include "report/affinity.h"

#include <math.h>

#include "base/memory.h"
#include "moe/metrics.h"
#include "report/paint.h"

/* Computes share[domains, experts]. */
static void layer_shares(const int64_t *count, int domains, int experts, double *share)
{
    for (int d = 0; d < domains; d++) {
        double sum = 0;
        for (int e = 0; e < experts; e++) sum += (double)count[d * experts + e];
        for (int e = 0; e < experts; e++)
            share[d * experts + e] = sum > 0 ? (double)count[d * experts + e] / sum : 0;
    }
}

static int leading_domain(const double *share, int domains, int experts, int e)
{
    int best = -1;
    for (int d = 0; d < domains; d++)
        if (share[d * experts + e] > (best < 0 ? 0 : share[best * experts + e])) best = d;
    return best;
}

static double purity(const double *share, int domains, int experts, int e, int leading)
{
    double sum = 0;
    for (int d = 0; d < domains; d++) sum += share[d * experts + e];
    return leading < 0 ? 0 : share[leading * experts + e] / sum;
}

/* Insertion sort by domain, then by purity; experts that were never picked come last. Ties keep the
 * order of numbers. */
static void layer_order(const int *leading, const double *pure, int experts, int *order)
{
    for (int e = 0; e < experts; e++) {
        unsigned domain = (unsigned)leading[e];
        int at = e;
        for (; at > 0; at--) {
            int other = order[at - 1];
            unsigned theirs = (unsigned)leading[other];
            if (domain > theirs || (domain == theirs && pure[e] <= pure[other])) break;
            order[at] = other;
        }
        order[at] = e;
    }
}

static void layer_ranks(const int *leading, const int *order, int experts, int *rank)
{
    for (int i = 0; i < experts; i++)
        rank[order[i]] =
            i && leading[order[i]] == leading[order[i - 1]] ? rank[order[i - 1]] + 1 : 0;
}

static void layer_affinity(const run_analysis *analysis, const shape_layer *layer, affinity *a)
{
    int experts = layer->experts, first = layer->first_expert;
    double *share = a->share + (int64_t)first * a->domains;
    layer_shares(analysis_routed(analysis, layer), a->domains, experts, share);
    for (int e = 0; e < experts; e++)
        a->leading[first + e] = leading_domain(share, a->domains, experts, e);
    for (int e = 0; e < experts; e++)
        a->purity[first + e] = purity(share, a->domains, experts, e, a->leading[first + e]);
    layer_order(a->leading + first, a->purity + first, experts, a->order + first);
    layer_ranks(a->leading + first, a->order + first, experts, a->rank + first);
    for (int64_t i = 0; i < (int64_t)a->domains * experts; i++)
        a->greatest = fmax(a->greatest, share[i]);
}

static void no_affinity(const model_shape *shape, affinity *a)
{
    for (int s = 0; s < shape->layers; s++)
        for (int e = 0; e < shape->layer[s].experts; e++) {
            a->order[shape->layer[s].first_expert + e] = a->rank[shape->layer[s].first_expert + e] =
                e;
            a->leading[shape->layer[s].first_expert + e] = -1;
        }
}

static void all_layers(const run_analysis *analysis, const model_shape *shape, affinity *a)
{
    for (int s = 0; s < shape->layers; s++) {
        const shape_layer *layer = &shape->layer[s];
        domain_information told = metrics_domain_information(
            analysis_routed(analysis, layer), a->domains, layer->experts);
        layer_affinity(analysis, layer, a);
        a->bits[s] = told.bits;
        a->most = told.most;
    }
}

cadre_status affinity_of(const run_analysis *analysis, const model_shape *shape, affinity *a)
{
    affinity made = { .domains = analysis->routed && shape->layers ? analysis->domains : 0 };
    made.share = mem_alloc((size_t)shape->experts * (size_t)made.domains, sizeof *made.share);
    made.order = MEM_ARRAY(int, shape->experts);
    made.leading = MEM_ARRAY(int, shape->experts);
    made.rank = MEM_ARRAY(int, shape->experts);
    made.purity = MEM_ARRAY(double, shape->experts);
    made.bits = MEM_ARRAY(double, shape->layers);
    cadre_status status = CADRE_OK;
    if (!made.share || !made.order || !made.leading || !made.rank || !made.purity || !made.bits)
        status = CADRE_ENOMEM;
    if (status == CADRE_OK && made.domains) all_layers(analysis, shape, &made);
    else if (status == CADRE_OK) no_affinity(shape, &made);
    if (status == CADRE_OK) *a = made;
    else affinity_free(&made);
    return status;
}

void affinity_free(affinity *a)
{
    mem_free(a->share);
    mem_free(a->order);
    mem_free(a->leading);
    mem_free(a->rank);
    mem_free(a->purity);
    mem_free(a->bits);
    *a = (affinity){ 0 };
}

int affinity_clearest_layer(const affinity *a, const model_shape *shape)
{
    int best = 0;
    for (int s = 1; s < shape->layers; s++)
        if (a->bits[s] > a->bits[best]) best = s;
    return best;
}

int affinity_paint(const affinity *a, const shape_layer *layer, int expert)
{
    int at = layer->first_expert + expert, domain = a->leading[at];
    int hue = domain < 0 ? expert % PAINT_HUES : paint_hue(domain);
    int tint = domain < 0 ? expert / PAINT_HUES % PAINT_TINTS : a->rank[at] % PAINT_TINTS;
    return hue * PAINT_TINTS + tint;
}
