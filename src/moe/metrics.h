/* metrics.h - how evenly and how surely a layer routes, from counts and probabilities: figures for
 * logs, reports and tests. */
#ifndef CADRE_MOE_METRICS_H
#define CADRE_MOE_METRICS_H

#include <stdint.h>

#include "cadre/layer.h"
#include "base/real.h"
#include "moe/balance.h"

/* Makes the metrics of one layer over one step (or window). */
cadre_moe_metrics metrics_of(const balance_totals *totals);
double metrics_max_vio(const int64_t *count, int32_t experts);
int32_t metrics_dead(const int64_t *count, int32_t experts);

/* max - min of a correction bias. */
double metrics_bias_range(const real *bias, int32_t experts);

/* Mutual information, in nats, between domain and expert. */
double metrics_mutual_information(
    const int64_t *count /* [domains, E] */, int32_t domains, int32_t experts);

/* What one pick of an expert tells about the domain of its token: bits of mutual information, of
 * the most that it could tell, the entropy of the picks' domains. Runs keep it in analysis.json,
 * and the report shows it. */
typedef struct domain_information {
    double bits, most;
} domain_information;
domain_information metrics_domain_information(
    const int64_t *count /* [domains, E] */, int32_t domains, int32_t experts);

#endif
