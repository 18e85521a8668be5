/* balance_loss.c - THE LIST of balancing losses: each from the statistics of one set of tokens,
 * with its derivatives.
 *
 * Counts are constants to the gradient, which goes to the mean scores (weights, loads) that a loss
 * multiplies them with. */
#include <math.h>
#include <string.h>

#include "moe/routing_loss.h"

static double sum_of(int64_t n, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

/* ---- shares of picks times mean scores ---- */

/* sum f P, f_e = E count_e / (all counts); summed over the picks: E count_e / T. Its minimum
 * is 1, or K. */
static double load_value(const balance_set *s, double scale, balance_gradient *d)
{
    double all = s->summed ? s->count_tokens : sum_of(s->experts, s->count), value = 0;
    if (!(all > 0)) return 0;
    for (int32_t e = 0; e < s->experts; e++) {
        double f = s->experts * s->count[e] / all;
        value += f * s->probability[e];
        d->probability[e] += scale * f;
    }
    return value;
}

/* The load loss, where experts without weights count tau in place of 1 (MoE++). */
static double heterogeneous_value(const balance_set *s, double scale, balance_gradient *d)
{
    double all = sum_of(s->experts, s->count), value = 0;
    if (!(all > 0)) return 0;
    for (int32_t e = 0; e < s->experts; e++) {
        double f = s->experts * s->count[e] / all;
        if (s->weighted && e >= s->weighted) f *= s->tau;
        value += f * s->probability[e];
        d->probability[e] += scale * f;
    }
    return value;
}

/* E sum (first_e / T) P */
static double first_choice_value(const balance_set *s, double scale, balance_gradient *d)
{
    double value = 0;
    if (!(s->count_tokens > 0)) return 0;
    for (int32_t e = 0; e < s->experts; e++) {
        double f = s->experts * s->first[e] / s->count_tokens;
        value += f * s->probability[e];
        d->probability[e] += scale * f;
    }
    return value;
}

/* ---- squared coefficients of variation ---- */

/* CV^2 = V / (m^2 + 1e-10), with the mean m and the population variance V. Its derivative by v_e is
 * (2 (v_e - m) - 2 m V / (m^2 + 1e-10)) / (E (m^2 + 1e-10)). */
double squared_variation(int32_t n, const double *v, double scale, double *d)
{
    double mean = sum_of(n, v) / n, variance = 0, square = mean * mean + 1e-10;
    for (int32_t e = 0; e < n; e++) variance += (v[e] - mean) * (v[e] - mean) / n;
    for (int32_t e = 0; e < n; e++)
        d[e] += scale * (2 * (v[e] - mean) - 2 * mean * variance / square) / (n * square);
    return variance / square;
}

static double importance_value(const balance_set *s, double scale, balance_gradient *d)
{
    return squared_variation(s->experts, s->importance, scale, d->importance);
}

static double smooth_load_value(const balance_set *s, double scale, balance_gradient *d)
{
    return squared_variation(s->experts, s->load, scale, d->load);
}

/* ---- groups of experts on devices ---- */

/* factor * sum over devices of share_i * (sum of P on device i); share(s, i) says what share is. */
static double device_sum(const balance_set *s, double scale, balance_gradient *d,
    double (*share)(const balance_set *, int32_t))
{
    int32_t size = s->experts / s->devices;
    double value = 0;
    for (int32_t i = 0; i < s->devices; i++) {
        double f = share(s, i);
        value += f * sum_of(size, s->probability + i * size);
        for (int32_t e = i * size; e < (i + 1) * size; e++) d->probability[e] += scale * f;
    }
    return value;
}

/* Mean of f over the device's experts. */
static double device_share(const balance_set *s, int32_t device)
{
    int32_t size = s->experts / s->devices;
    double all = sum_of(s->experts, s->count);
    return all > 0 ? s->experts * sum_of(size, s->count + device * size) / all / size : 0;
}

/* D / (M T) * tokens sent to the device. */
static double communication_share(const balance_set *s, int32_t device)
{
    return s->count_tokens > 0 ? s->devices * s->sent[device] / (s->devices_used * s->count_tokens)
                               : 0;
}

static double device_value(const balance_set *s, double scale, balance_gradient *d)
{
    return device_sum(s, scale, d, device_share);
}

static double communication_value(const balance_set *s, double scale, balance_gradient *d)
{
    return device_sum(s, scale, d, communication_share);
}

/* ---- entropies ---- */

static double entropy_value(const balance_set *s, double scale, balance_gradient *d)
{
    d->entropy += scale;
    return s->entropy;
}

/* H(mean of p). Over a sequence this is the half H(expert | text) of the mutual information of text
 * and expert that Mod-Squad maximises (Chen et al. 2022, arXiv 2212.08066, with tasks in place of
 * sequences); even loads over the batch are the other. */
static double mean_entropy_value(const balance_set *s, double scale, balance_gradient *d)
{
    double value = 0;
    for (int32_t e = 0; e < s->experts; e++) {
        if (!(s->probability[e] > 0)) continue;
        value -= s->probability[e] * log(s->probability[e]);
        d->probability[e] -= scale * (log(s->probability[e]) + 1);
    }
    return value;
}

/* -H(mean of p) + mean of H(p) */
static double mutual_information_value(const balance_set *s, double scale, balance_gradient *d)
{
    double value = entropy_value(s, scale, d);
    for (int32_t e = 0; e < s->experts; e++) {
        if (!(s->probability[e] > 0)) continue;
        value += s->probability[e] * log(s->probability[e]);
        d->probability[e] += scale * (log(s->probability[e]) + 1);
    }
    return value;
}

/* lambda sum f_e mean of w_e, f_e = E count_e / (K T) (ReMoE) */
static double l1_value(const balance_set *s, double scale, balance_gradient *d)
{
    double value = 0;
    if (!(s->count_tokens > 0)) return 0;
    for (int32_t e = 0; e < s->experts; e++) {
        double f = s->experts * s->count[e] / (s->picks * s->count_tokens),
               by = s->lambda * f / s->tokens;
        value += by * s->importance[e];
        d->importance[e] += scale * by;
    }
    return value;
}

/* ---- the list ---- */

static const balance_loss rows[] = {
    { "load",
        "share of picks times mean score, summed over experts (Switch, Mixtral, OLMoE, DeepSeek)",
        load_value, NULL },
    { "first-choice", "share of first picks times mean score, summed over experts (GShard)",
        first_choice_value, NULL },
    { "importance",
        "squared coefficient of variation of the experts' sums of weights (Shazeer et al. 2017)",
        importance_value, NULL },
    { "smooth-load",
        "squared coefficient of variation of the smooth load, for noisy-topk (Shazeer et al. 2017)",
        smooth_load_value, NULL },
    { "device", "as load, over groups of experts (DeepSeek-V2)", device_value, NULL },
    { "communication",
        "share of tokens that are sent to a group times its mean score (DeepSeek-V2)",
        communication_value, NULL },
    { "mutual-information",
        "mean entropy of each token's scores less the entropy of their mean: tokens are sure, "
        "loads are even (ModuleFormer)",
        mutual_information_value, NULL },
    { "mean-entropy",
        "entropy of the mean scores: all tokens together use few experts (over a sequence: "
        "Mod-Squad)",
        mean_entropy_value, NULL },
    { "entropy",
        "mean entropy of each token's scores, which keeps top-p to few experts (Dynamic MoE)",
        entropy_value, NULL },
    { "heterogeneous", "as load, with experts without parameters counting less (MoE++)",
        heterogeneous_value, NULL },
    { "score-importance",
        "squared coefficient of variation of the sums of scores without noise (V-MoE)", NULL,
        &loss_score_importance },
    { "noise-load",
        "squared coefficient of variation of the experts' probabilities to be picked under fresh "
        "noise (V-MoE)",
        NULL, &loss_noise_load },
    { "orthogonality", "rows of the router's matrix become orthogonal", NULL, &loss_orthogonality },
    { "l1", "load of each expert times its mean weight, for router relu (ReMoE)", l1_value, NULL },
    { "threshold",
        "thresholds move to where each expert gets its even share of the batch, for router "
        "threshold (Shazeer et al. 2017)",
        NULL, &loss_threshold },
    /* The losses by type of token end the list */
    { "local-entropy", "entropy of the scores of each token of a type (LIMoE)", NULL,
        &loss_local_entropy },
    { "global-entropy", "a type's tokens together use at least so many experts (LIMoE)", NULL,
        &loss_global_entropy },
};
enum { ROWS = sizeof rows / sizeof *rows };

const balance_loss *balance_losses(int *count)
{
    *count = ROWS;
    return rows;
}

const balance_loss *balance_loss_by_name(const char *name)
{
    size_t size = strcspn(name, ".");
    for (int i = 0; i < ROWS; i++) {
        bool by_type = rows[i].routing && rows[i].routing->by_type;
        if (!strncmp(rows[i].name, name, size) && !rows[i].name[size] &&
            by_type == (name[size] == '.'))
            return &rows[i];
    }
    return NULL;
}
