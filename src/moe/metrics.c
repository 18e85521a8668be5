/* metrics.c - evenness and certainty of routing. Logarithms are natural. */
#include "moe/metrics.h"

#include <math.h>

/* Entropy of n non-negative numbers taken as shares of their sum. */
static double entropy_of(int32_t n, const double *values)
{
    double sum = 0, entropy = 0;
    for (int32_t i = 0; i < n; i++) sum += values[i];
    for (int32_t i = 0; i < n && sum > 0; i++)
        if (values[i] > 0) entropy -= values[i] / sum * log(values[i] / sum);
    return entropy;
}

static double count_entropy(const int64_t *count, int32_t experts, double sum)
{
    double entropy = 0;
    for (int32_t e = 0; e < experts; e++)
        if (count[e] > 0) entropy -= (double)count[e] / sum * log((double)count[e] / sum);
    return entropy;
}

static int64_t sum_of(const int64_t *count, int64_t n)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++) sum += count[i];
    return sum;
}

double metrics_max_vio(const int64_t *count, int32_t experts)
{
    int64_t most = 0, sum = sum_of(count, experts);
    for (int32_t e = 0; e < experts; e++)
        if (count[e] > most) most = count[e];
    return sum > 0 ? (double)most * experts / (double)sum - 1 : 0;
}

int32_t metrics_dead(const int64_t *count, int32_t experts)
{
    int32_t dead = 0;
    for (int32_t e = 0; e < experts; e++) dead += count[e] == 0;
    return dead;
}

cadre_moe_metrics metrics_of(const balance_totals *t)
{
    int32_t experts = t->experts;
    int64_t picks = sum_of(t->count, experts), least = INT64_MAX;
    double mean = (double)picks / experts, variance = 0;
    cadre_moe_metrics m = { .max_vio = metrics_max_vio(t->count, experts),
        .dead = metrics_dead(t->count, experts),
        .logit_max = t->logit_max,
        .mean_entropy = entropy_of(experts, t->probability) };
    for (int32_t e = 0; e < experts; e++) {
        variance += ((double)t->count[e] - mean) * ((double)t->count[e] - mean) / experts;
        if (t->count[e] < least) least = t->count[e];
    }
    if (picks > 0) {
        m.cv = sqrt(variance) / mean;
        m.min_share = (double)least / mean;
        m.load_entropy = count_entropy(t->count, experts, (double)picks);
        m.drop_rate = (double)t->dropped / (double)picks;
    }
    m.effective_experts = exp(m.load_entropy);
    if (t->tokens > 0) m.picks_per_token = (double)picks / (double)t->tokens;
    if (t->tokens > 0) {
        m.token_entropy = t->entropy / (double)t->tokens;
        m.lse_mean = t->lse / (double)t->tokens;
    }
    return m;
}

double metrics_bias_range(const real *bias, int32_t experts)
{
    real least = bias[0], most = bias[0];
    for (int32_t e = 1; e < experts; e++) {
        if (bias[e] < least) least = bias[e];
        if (bias[e] > most) most = bias[e];
    }
    return (double)(most - least);
}

/* sum over d, e of p(d, e) log(p(d, e) / (p(d) p(e))) */
double metrics_mutual_information(const int64_t *count, int32_t domains, int32_t experts)
{
    double all = (double)sum_of(count, (int64_t)domains * experts), information = 0;
    for (int32_t d = 0; d < domains; d++) {
        const int64_t *row = count + (int64_t)d * experts;
        double of_domain = (double)sum_of(row, experts);
        for (int32_t e = 0; e < experts; e++) {
            double of_expert = 0;
            for (int32_t i = 0; i < domains; i++)
                of_expert += (double)count[(int64_t)i * experts + e];
            if (row[e] > 0)
                information +=
                    (double)row[e] / all * log((double)row[e] * all / (of_domain * of_expert));
        }
    }
    return information;
}

domain_information metrics_domain_information(
    const int64_t *count, int32_t domains, int32_t experts)
{
    double all = (double)sum_of(count, (int64_t)domains * experts);
    domain_information told = { .bits =
                                    metrics_mutual_information(count, domains, experts) / log(2) };
    for (int32_t d = 0; d < domains; d++) {
        double sum = (double)sum_of(count + (int64_t)d * experts, experts);
        if (sum > 0) told.most -= sum / all * log2(sum / all);
    }
    return told;
}
