/* router_sqrtsoftplus_bias.c - the square root of softplus per expert, otherwise as sigmoid-bias:
 * DeepSeek-V4. */
#include <math.h>

#include "moe/select.h"

/* In double: in float, softplus would be 0 for logits below -17. */
static real root_softplus(real z)
{
    double x = (double)z;
    return (real)sqrt((x > 0 ? x : 0) + log1p(exp(-fabs(x))));
}

static void score(const router_token *t)
{
    for (int32_t e = 0; e < t->experts; e++) t->score[e] = root_softplus(t->logits[e]);
    *t->lse = t->rows->log_sum_exp(t->experts, t->logits);
    key_of_scores(t);
}

/* Forward: s = sqrt(log(1 + exp z)). */
static real derivative(real z, real s)
{
    return s > 0 ? (real)(0.5 / (1 + exp(-(double)z))) / s : 0;
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_independent(t, d, derivative, backward_normalised);
}

static void defaults(router_options *o)
{
    o->group_score = GROUP_TOP2;
    o->norm_eps = REAL_C(1e-20);
}

const router router_sqrtsoftplus_bias = {
    .name = "sqrtsoftplus-bias",
    .help = "the root of softplus per expert, picked with a correction bias, weights made to sum "
            "to 1 (DeepSeek-V4)",
    .traits = ROUTER_CORRECTION | ROUTER_INDEPENDENT | ROUTER_RENORMALISES,
    .options = (const char *const[]){ "groups", "groups-used", "group-score", "group-mask",
        "norm-eps", "survivors", NULL },
    .defaults = defaults,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_normalised,
    .backward = backward,
};
