/* affinity.h - which domain an expert is chosen for: shares, an order of the experts that puts
 * those of one domain side by side, and how many bits about the domain a layer's choice of expert
 * tells. */
#ifndef CADRE_REPORT_AFFINITY_H
#define CADRE_REPORT_AFFINITY_H

#include "report/analysis.h"

typedef struct affinity {
    int domains;
    /* A layer after another, each [domains, experts]: of the domain's picks, those of the expert */
    double *share;
    /* [experts of all layers] a layer's experts, by leading domain, the surest first */
    int *order;
    /* [experts of all layers] the domain that an expert has the greatest share of; -1: it was never
     * picked */
    int *leading;
    double *purity;  /* [experts of all layers] its leading domain's part of its shares */
    int *rank;       /* [experts of all layers] its place among the experts of its leading domain */
    double *bits;    /* [layers] mutual information of domain and expert */
    double most;     /* entropy of the domains, in bits: what the best choice could tell */
    double greatest; /* share */
} affinity;

/* Without counts: domains is 0, and leading is -1 throughout. */
cadre_status affinity_of(const run_analysis *analysis, const model_shape *shape, affinity *a);
void affinity_free(affinity *a);

int affinity_clearest_layer(const affinity *a, const model_shape *shape);

/* Of a pattern of PAINT_HUES * PAINT_TINTS: experts of one domain share a hue. */
int affinity_paint(const affinity *a, const shape_layer *layer, int expert);

#endif
