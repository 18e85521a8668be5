/* metrics.h - how evenly and how surely a layer routes, from counts and probabilities: numbers for logs, reports and tests. */
#ifndef CADRE_MOE_METRICS_H
#define CADRE_MOE_METRICS_H

#include <stdint.h>

#include "base/real.h"
#include "moe/balance.h"

/* Of one layer over one step (or window). */
cadre_moe_metrics metrics_of(const balance_totals *totals);
double metrics_max_vio(const int64_t *count, int32_t experts);
int32_t metrics_dead(const int64_t *count, int32_t experts);

/* max - min of a correction bias. */
double metrics_bias_range(const real *bias, int32_t experts);

/* together[a * E + b] += tokens that picked both a and b (on the diagonal: that picked a). */
void metrics_add_coactivation(const plan *p, int64_t *together /* [E, E] */);

/* tokens[n] += tokens with n picks, n = 0..K. */
void metrics_add_pick_histogram(const plan *p, int64_t *tokens /* [K + 1] */);

/* Share of picks that two plans over the same tokens have in common (router saturation, OLMoE). */
double metrics_overlap(const plan *p, const plan *q);

/* Mutual information, in nats, between domain and expert. */
double metrics_mutual_information(const int64_t *count /* [domains, E] */, int32_t domains, int32_t experts);

#endif
