/* affinity.h - the domain that an expert is chosen for: shares, an order of the experts that puts
 * those of one domain side by side, and how many bits about the domain a layer's choice of expert
 * gives. */
#ifndef CADRE_REPORT_AFFINITY_H
#define CADRE_REPORT_AFFINITY_H

#include "report/analysis.h"

typedef struct affinity {
    int domains;
    /* One layer after another, each [domains, experts]: the expert's share of the domain's picks */
    double *share;
    /* [experts of all layers] a layer's experts, sorted by leading domain, the purest first */
    int *order;
    /* [experts of all layers] the domain of which an expert has the largest share; -1: it was never
     * picked */
    int *leading;
    double *purity;  /* [experts of all layers] the leading domain's part of an expert's shares */
    int *rank;       /* [experts of all layers] its place among the experts of its leading domain */
    double *bits;    /* [layers] mutual information of domain and expert */
    double most;     /* entropy of the domains in bits, which the best choice would give */
    double greatest; /* the greatest share */
} affinity;

/* Without counts, domains is 0 and leading is all -1. */
cadre_status affinity_of(const run_analysis *analysis, const model_shape *shape, affinity *a);
void affinity_free(affinity *a);

int affinity_clearest_layer(const affinity *a, const model_shape *shape);

/* The colour among PAINT_HUES * PAINT_TINTS: experts of one domain share a hue. */
int affinity_paint(const affinity *a, const shape_layer *layer, int expert);

#endif
