/* analysis.h - what a run wrote about its text: analysis.json (domains, the experts that they went
 * to, samples) and compare.json (what compressors make of the same bytes). Both are optional;
 * without them every count is 0.
 *
 * Strings are borrowed from the documents, which stay open as long as the analysis. */
#ifndef CADRE_REPORT_ANALYSIS_H
#define CADRE_REPORT_ANALYSIS_H

#include "report/modality.h"
#include "report/pairs.h"
#include "report/passage.h"
#include "report/shape.h"
#include "report/top_tokens.h"

enum {
    ANALYSIS_DOMAINS = 256,
    ANALYSIS_PASSAGES = 24,
    ANALYSIS_SAMPLES = 64,
    ANALYSIS_METHODS = 12
};

typedef struct analysis_domain {
    const char *name;
    double bytes, tokens, bits_per_byte; /* NAN: not said */
} analysis_domain;

typedef struct analysis_sample {
    const char *domain, *prompt, *text;
} analysis_sample;

typedef struct analysis_method {
    const char *name, *note;                /* note: NULL if none */
    double bits_per_byte[ANALYSIS_DOMAINS]; /* NAN: not measured */
} analysis_method;

/* The mutual information of domain and expert that chance would give, found by shuffling the
 * domains over pieces of text */
typedef struct shuffled_bits {
    double mean, deviation;
} shuffled_bits;

typedef struct run_analysis {
    int domains, passages, samples, methods;
    analysis_domain *domain;
    int64_t *routed; /* picks, one layer after another, each [domains, experts]; NULL: not said */
    shuffled_bits *shuffled; /* [layers]; NULL: not said */
    expert_pairs pairs;      /* .count NULL: not said */
    top_tokens top;
    modality modality;
    passage *passage;
    analysis_sample *sample;
    analysis_method *method;
    json_document *analysis, *compare;
} run_analysis;

/* Reads analysis.json and compare.json; a missing file is left out. */
cadre_status analysis_read(
    const char *path, const char *compare, const model_shape *shape, run_analysis *analysis);
void analysis_free(run_analysis *analysis);

/* The picks of one layer, [domains, experts] */
static inline int64_t *analysis_routed(const run_analysis *c, const shape_layer *layer)
{
    return c->routed + (int64_t)layer->first_expert * c->domains;
}

/* The mean bits per byte of all domains, weighted by their bytes; NAN: not said. */
double analysis_bits_per_byte(const run_analysis *c);

#endif
